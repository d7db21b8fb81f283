"""Minimax polynomials, lowest power first: printed by tools/minimax.py, where each is defined."""

from __future__ import annotations

# largest weighted error 2^-28.2
EXP_F32 = (
    float.fromhex("0x1.0000000000000p+0"),  # 1.0
    float.fromhex("0x1.fffffc0000000p-2"),  # 0.4999999403953552
    float.fromhex("0x1.55548c0000000p-3"),  # 0.16666516661643982
    float.fromhex("0x1.55585a0000000p-5"),  # 0.041668105870485306
    float.fromhex("0x1.123d760000000p-7"),  # 0.0083691431209445
    float.fromhex("0x1.6ab97a0000000p-10"),  # 0.0013836842263117433
)

# largest weighted error 2^-57.9
EXP_F64 = (
    float.fromhex("0x1.0000000000000p+0"),  # 1.0
    float.fromhex("0x1.000000000000ap-1"),  # 0.5000000000000011
    float.fromhex("0x1.5555555555503p-3"),  # 0.16666666666666438
    float.fromhex("0x1.5555555550603p-5"),  # 0.04166666666652576
    float.fromhex("0x1.1111111124d3ep-7"),  # 0.008333333333473743
    float.fromhex("0x1.6c16c184b639bp-10"),  # 0.0013888888944874947
    float.fromhex("0x1.a01a013d51876p-13"),  # 0.0001984126956051134
    float.fromhex("0x1.a019988a85f56p-16"),  # 2.480149172798205e-05
    float.fromhex("0x1.71def4065b1d3p-19"),  # 2.7557530330372844e-06
    float.fromhex("0x1.28aedcd2d5ab1p-22"),  # 2.763076284903266e-07
    float.fromhex("0x1.add8149188a38p-26"),  # 2.5020217514263257e-08
)

# largest weighted error 2^-31.0
EXPM1_F32 = (
    float.fromhex("0x1.0000000000000p+0"),  # 1.0
    float.fromhex("0x1.0000000000000p-1"),  # 0.5
    float.fromhex("0x1.5555540000000p-3"),  # 0.1666666567325592
    float.fromhex("0x1.5554ea0000000p-5"),  # 0.04166646674275398
    float.fromhex("0x1.1113aa0000000p-7"),  # 0.008333642967045307
    float.fromhex("0x1.6d4c9a0000000p-10"),  # 0.001393505954183638
    float.fromhex("0x1.9c62fc0000000p-13"),  # 0.0001966412819456309
)

# largest weighted error 2^-58.0
EXPM1_F64 = (
    float.fromhex("0x1.0000000000000p+0"),  # 1.0
    float.fromhex("0x1.0000000000001p-1"),  # 0.5000000000000001
    float.fromhex("0x1.5555555555557p-3"),  # 0.1666666666666667
    float.fromhex("0x1.5555555554afbp-5"),  # 0.041666666666648276
    float.fromhex("0x1.1111111110044p-7"),  # 0.008333333333325872
    float.fromhex("0x1.6c16c16fd9686p-10"),  # 0.0013888888897438958
    float.fromhex("0x1.a01a01ac53ca7p-13"),  # 0.00019841269876017429
    float.fromhex("0x1.a019efcc28633p-16"),  # 2.480157108720165e-05
    float.fromhex("0x1.71de008710221p-19"),  # 2.755725350606317e-06
    float.fromhex("0x1.2809e844aef38p-22"),  # 2.7570752462643416e-07
    float.fromhex("0x1.af51f0605771ap-26"),  # 2.5106132618488075e-08
    float.fromhex("0x1.cf1a951805305p-30"),  # 1.6847619462761573e-09
)

# largest weighted error 2^-27.5
LOG_F32 = (
    float.fromhex("0x1.5555060000000p-2"),  # 0.3333321511745453
    float.fromhex("-0x1.fffef00000000p-3"),  # -0.24999797344207764
    float.fromhex("0x1.99d0280000000p-3"),  # 0.20010405778884888
    float.fromhex("-0x1.55979c0000000p-3"),  # -0.1667930781841278
    float.fromhex("0x1.1ed5460000000p-3"),  # 0.14005522429943085
    float.fromhex("-0x1.f4360a0000000p-4"),  # -0.12212184816598892
    float.fromhex("0x1.1e801c0000000p-3"),  # 0.1398927867412567
    float.fromhex("-0x1.04bd940000000p-3"),  # -0.1273147165775299
)

# largest weighted error 2^-62.6
LOG_F64 = (
    float.fromhex("0x1.555555555554fp-1"),  # 0.666666666666666
    float.fromhex("0x1.999999999c175p-2"),  # 0.4000000000005664
    float.fromhex("0x1.24924921e4db0p-2"),  # 0.2857142855584369
    float.fromhex("0x1.c71c748eec0c9p-3"),  # 0.2222222429386476
    float.fromhex("0x1.745c4b1efded0p-3"),  # 0.18181666076974645
    float.fromhex("0x1.3b35b673b2849p-3"),  # 0.15391104260044333
    float.fromhex("0x1.0dcc58591efc2p-3"),  # 0.13173741361594976
    float.fromhex("0x1.1b7c1175c11f5p-3"),  # 0.13842023506744253
)

# largest weighted error 2^-28.4
TANH_F32 = (
    float.fromhex("-0x1.55553e0000000p-2"),  # -0.33333298563957214
    float.fromhex("0x1.1109be0000000p-3"),  # 0.13331936299800873
    float.fromhex("-0x1.b89ab20000000p-5"),  # -0.053784701973199844
    float.fromhex("0x1.54c34c0000000p-6"),  # 0.020798515528440475
    float.fromhex("-0x1.8284280000000p-8"),  # -0.005897769704461098
)

# largest weighted error 2^-57.8
TANH_F64 = (
    float.fromhex("-0x1.5555555555530p-2"),  # -0.33333333333333126
    float.fromhex("0x1.111111110e1c9p-3"),  # 0.13333333333299738
    float.fromhex("-0x1.ba1ba1b781360p-5"),  # -0.05396825394931315
    float.fromhex("0x1.664f47f01e3e5p-6"),  # 0.02186948800269652
    float.fromhex("-0x1.226e22923a7c4p-7"),  # -0.00886322677657237
    float.fromhex("0x1.d6d0c5ed8484dp-9"),  # 0.0035920373545730634
    float.fromhex("-0x1.7d79d601425c5p-10"),  # -0.0014552151554333298
    float.fromhex("0x1.33daf80eca6a4p-11"),  # 0.0005871874762750262
    float.fromhex("-0x1.e32c120fdfe80p-13"),  # -0.00023039443521709682
    float.fromhex("0x1.4ca730b008900p-14"),  # 7.931067625624802e-05
    float.fromhex("-0x1.202df09f334bep-16"),  # -1.7176833918598705e-05
)

# largest weighted error 2^-26.9
ERF_F32 = (
    float.fromhex("0x1.06eba80000000p-3"),  # 0.12837916612625122
    float.fromhex("-0x1.8127220000000p-2"),  # -0.37612584233283997
    float.fromhex("0x1.ce247a0000000p-4"),  # 0.11282775551080704
    float.fromhex("-0x1.b7249c0000000p-6"),  # -0.026803161948919296
    float.fromhex("0x1.4af9840000000p-8"),  # 0.005050272680819035
    float.fromhex("-0x1.4a72600000000p-11"),  # -0.0006302772089838982
)

# largest weighted error 2^-55.9
ERF_F64 = (
    float.fromhex("0x1.06eba8214db68p-3"),  # 0.12837916709551256
    float.fromhex("-0x1.812746b037987p-2"),  # -0.3761263890318322
    float.fromhex("0x1.ce2f21a03dad5p-4"),  # 0.11283791670926331
    float.fromhex("-0x1.b82ce310dea83p-6"),  # -0.026866170639076713
    float.fromhex("0x1.565bccc6976f6p-8"),  # 0.005223977560118822
    float.fromhex("-0x1.c02da5d8f1357p-11"),  # -0.0008548322904223621
    float.fromhex("0x1.f9a1689de5219p-14"),  # 0.00012055170597442161
    float.fromhex("-0x1.f4aee71cb94c5p-17"),  # -1.4921522557507353e-05
    float.fromhex("0x1.b8147e4051f33p-20"),  # 1.639425946180521e-06
    float.fromhex("-0x1.5063c9c9f8020p-23"),  # -1.5664370628301007e-07
    float.fromhex("0x1.6b99e176a9c77p-27"),  # 1.0582184667885796e-08
)

# largest weighted error 2^-28.2
ERFC_EXPONENT_F32 = (
    float.fromhex("0x1.a0cc7c0000000p+0"),  # 1.6281201839447021
    float.fromhex("0x1.d58c600000000p-1"),  # 0.9170866012573242
    float.fromhex("0x1.372cc60000000p-3"),  # 0.15194086730480194
    float.fromhex("-0x1.0ef1fe0000000p-5"),  # -0.03307437524199486
    float.fromhex("0x1.3102480000000p-8"),  # 0.004654066637158394
    float.fromhex("-0x1.45b7ea0000000p-12"),  # -0.0003106292861048132
)

# largest weighted error 2^-56.8
ERFC_EXPONENT_F64 = (
    float.fromhex("0x1.a0be83f88ae3ap+0"),  # 1.6279070359986592
    float.fromhex("0x1.d63ed295f8d8cp-1"),  # 0.9184480484076842
    float.fromhex("0x1.2fa87f0751c1fp-3"),  # 0.14827059975706988
    float.fromhex("-0x1.c438224398e9bp-6"),  # -0.027601273976314827
    float.fromhex("-0x1.2dbbf3a41da57p-12"),  # -0.0002877561439683976
    float.fromhex("0x1.3cd65e73f5fb0p-9"),  # 0.002417277364639113
    float.fromhex("-0x1.a55ff0724f9c1p-11"),  # -0.0008037085774857332
    float.fromhex("-0x1.6a2ae902318ebp-16"),  # -2.1586872215783556e-05
    float.fromhex("0x1.3b4af6d33459ap-13"),  # 0.00015034333646339327
    float.fromhex("-0x1.6d072db302a09p-14"),  # -8.702946688302777e-05
    float.fromhex("0x1.0a5e444b7e263p-15"),  # 3.1753567409202576e-05
    float.fromhex("-0x1.1d073d94ee950p-17"),  # -8.494504791890664e-06
    float.fromhex("0x1.cf2d2dafbfe5cp-20"),  # 1.7254668413512418e-06
    float.fromhex("-0x1.1cf754b65e576p-22"),  # -2.6539539579143016e-07
    float.fromhex("0x1.0263b22ed151ap-25"),  # 3.0080489535467074e-08
    float.fromhex("-0x1.465c4137fe2b8p-29"),  # -2.3745842202240825e-09
    float.fromhex("0x1.008f0013d9388p-33"),  # 1.1666934139296422e-10
    float.fromhex("-0x1.7a00d26b72039p-39"),  # -2.6858743549236838e-12
)

# largest weighted error 2^-27.5
POWER_F32 = (
    float.fromhex("0x1.62e4320000000p-1"),  # 0.6931472420692444
    float.fromhex("0x1.ebfbe60000000p-3"),  # 0.24022655189037323
    float.fromhex("0x1.c6ada60000000p-5"),  # 0.05550272390246391
    float.fromhex("0x1.3b21ca0000000p-7"),  # 0.009617065079510212
    float.fromhex("0x1.5fbf7e0000000p-10"),  # 0.001341812196187675
    float.fromhex("0x1.4bcb5c0000000p-13"),  # 0.00015821188571862876
)

# largest weighted error 2^-55.5
POWER_F64 = (
    float.fromhex("0x1.62e42fefa39f3p-1"),  # 0.6931471805599457
    float.fromhex("0x1.ebfbdff82c599p-3"),  # 0.240226506959101
    float.fromhex("0x1.c6b08d7048dc6p-5"),  # 0.055504108664787874
    float.fromhex("0x1.3b2ab6fba1af9p-7"),  # 0.00961812910760561
    float.fromhex("0x1.5d87fe7bf7449p-10"),  # 0.0013333558153967465
    float.fromhex("0x1.4309130a339f5p-13"),  # 0.00015403530443909545
    float.fromhex("0x1.ffcbed3f6306cp-17"),  # 1.5252726938162947e-05
    float.fromhex("0x1.62bfd23490f0ap-20"),  # 1.3215441302541312e-06
    float.fromhex("0x1.b5433824e7e7ep-24"),  # 1.0180812688589782e-07
    float.fromhex("0x1.e60a85c9b971cp-28"),  # 7.072828942075372e-09
    float.fromhex("0x1.bdf3c252b9be0p-32"),  # 4.0559114848829765e-10
)

# largest weighted error 2^-27.8
SIN_F32 = (
    float.fromhex("-0x1.5555440000000p-3"),  # -0.16666653752326965
    float.fromhex("0x1.1106c60000000p-7"),  # 0.008332106284797192
    float.fromhex("-0x1.991c2a0000000p-13"),  # -0.0001950788573594764
)

# largest weighted error 2^-57.7
SIN_F64 = (
    float.fromhex("-0x1.5555555555547p-3"),  # -0.16666666666666627
    float.fromhex("0x1.111111110f572p-7"),  # 0.008333333333321067
    float.fromhex("-0x1.a01a019bad7dep-13"),  # -0.00019841269828696403
    float.fromhex("0x1.71de351efce1fp-19"),  # 2.7557313297900443e-06
    float.fromhex("-0x1.ae5e1f93cb63fp-26"),  # -2.5050695364578815e-08
    float.fromhex("0x1.5d7e3c7ff54bdp-33"),  # 1.5893106622308828e-10
)

# largest weighted error 2^-32.7
COS_F32 = (
    float.fromhex("0x1.55554a0000000p-5"),  # 0.04166664555668831
    float.fromhex("-0x1.6c0c140000000p-10"),  # -0.0013887297827750444
    float.fromhex("0x1.99de880000000p-16"),  # 2.4430111807305366e-05
)

# largest weighted error 2^-63.7
COS_F64 = (
    float.fromhex("0x1.5555555555549p-5"),  # 0.04166666666666658
    float.fromhex("-0x1.6c16c16c14bcfp-10"),  # -0.001388888888887097
    float.fromhex("0x1.a01a019c24effp-16"),  # 2.4801587287528144e-05
    float.fromhex("-0x1.27e4f7a4f21c3p-22"),  # -2.755731379170258e-07
    float.fromhex("0x1.1ee9a7ae59acfp-29"),  # 2.0875647522906427e-09
    float.fromhex("-0x1.8f8b78c85b30cp-37"),  # -1.1355746543894394e-11
)

# 2/π times 2^1216, rounded down
TWO_OVER_PI_BITS = 1216
TWO_OVER_PI = int(
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424D"
    "D2E006492EEA09D1921CFE1DEB1CB129A73EE88235F52EBB4484E99C7026B45F7E413991D639"
    "835339F49C845F8BBDF9283B1FF897FFDE05980FEF2F118B5A0A6D1F6D367ECF27CB09B74F46"
    "3F669E5FEA2D7527BAC7EBE5F17B3D0739F78A5292EA6BFB5FB11F8D5D0856033046FC7B6BAB",
    16,
)
