"""The lecture scripts run, and what they compute in two ways agrees."""

import numpy as np
import pytest
from tests.lectures import scripts


@pytest.mark.parametrize("number", scripts.NUMBERS)
def test_runs_and_prints(number, capsys):
    scripts.load(number).main()
    assert capsys.readouterr().out.count("\n") > 5


def test_every_script_is_tested():
    assert sorted(path.stem for path in scripts.FOLDER.glob("*.py")) == [
        f"lecture_{n}" for n in scripts.NUMBERS
    ]


def test_000_scalars_and_jacobians():
    lecture = scripts.load("000")
    by_hand, derived = lecture.sigmoid_network()
    np.testing.assert_allclose(by_hand, derived, rtol=1e-13)
    unfolded, diagonal = lecture.jacobians()
    np.testing.assert_array_equal(unfolded, [[3, 5, 0, 0], [0, 0, 3, 5]])
    np.testing.assert_array_equal(diagonal, [[0.25, 0], [0, 0.25]])
    line = lecture.fitted_line()
    np.testing.assert_allclose([line.weight.item(), line.bias.item()], [3, -1], rtol=1e-12)


def test_001_back_propagation():
    lecture = scripts.load("001")
    derived, rule = lecture.delta_at_the_output()
    assert derived == pytest.approx(rule, rel=1e-14)
    from wengert import grad, nn

    net, (x, t) = lecture.network(), lecture.data()
    slopes = nn.parameters(grad(lambda net: nn.nll(net(x[:1]), t[:1]))(net))
    by_hand = lecture.back_propagation(net, x[:1], t[:1])
    assert sorted(by_hand) == sorted(slopes)
    for path, slope in slopes.items():
        np.testing.assert_allclose(by_hand[path], slope, rtol=1e-12)
    direct, augmented = lecture.augmented_bias(net, x)
    np.testing.assert_allclose(direct, augmented, rtol=1e-14)
    assert lecture.one_sample_sgd() > 0.85


def test_002_chains_and_tables():
    lecture = scripts.load("002")
    fused = lecture.fused(np.array([[0.1, -2.0]]), np.array([[1.0, 0.0]]))
    for pair in (lecture.neuron(), lecture.matrix_form(), fused):
        np.testing.assert_allclose(*pair, rtol=1e-13, atol=1e-16)
    table = lecture.activation_table(np.array([-2.0, 0.0, 3.0]))
    np.testing.assert_array_equal(table["relu"][1], [0, 0, 1])  # step(z), but 0 at 0
    np.testing.assert_array_equal(table["step"][1], [0, 0, 0])
    accuracy, _ = lecture.sgd_neural_net()
    assert accuracy > 0.9


def test_003_decision_functions():
    lecture = scripts.load("003")
    net, _ = lecture.perceptron()
    np.testing.assert_array_equal(net(lecture.CORNERS).ravel() > 0, [False, False, False, True])
    _, residual, accuracy = lecture.logistic_regression()
    np.testing.assert_allclose(residual, np.zeros((2, 1)), atol=1e-2)
    assert accuracy > 0.85
    assert lecture.xor([]) == pytest.approx(0.5, abs=1e-3)
    assert lecture.xor([4]) < 0.05
    assert lecture.xor([4, 4]) < 0.05
