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
