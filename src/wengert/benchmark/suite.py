"""The measurement: every candidate at its best settings, in turns."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from wengert.benchmark.candidate import Candidate, Training
from wengert.benchmark.configurations import RULES, Configuration
from wengert.benchmark.interrupts import remembered_interrupts
from wengert.benchmark.machine import describe_machine
from wengert.benchmark.peers import Peer
from wengert.benchmark.turns import PAUSE, QUIET, TURN, Spread, interleaved, ratio, share_of_cores
from wengert.run.llvm.profile.machine_limits import MachineLimits, machine_limits

Report = Callable[[str], None]


@dataclass(frozen=True)
class Measurement:
    """How long a step takes.

    Attributes
    ----------
    configuration, rule, peer : str
    settings : str
        The best of those tried.
    seconds : list of float
        A step, in each round.
    """

    configuration: str
    rule: str
    peer: str
    settings: str
    seconds: list[float]

    @property
    def spread(self) -> Spread:
        """Minimum, median and range of the seconds a step."""
        return Spread.of(self.seconds)


@dataclass
class Result:
    """What a run of the suite found.

    Attributes
    ----------
    machine : dict of str to str
    threads : int
    limits : MachineLimits
        Of this many threads.
    single : MachineLimits
        Of one.
    configurations : list of Configuration
    peers : list of Peer
        Those that took part.
    measurements : list of Measurement
    failures : list of str
        Who could not be measured, where and why.
    rounds, disturbed : int
        Rounds that were measured by the clock, and those of them in which others used the cores.
    interrupted : bool
        Ctrl-C came before the end; what is there is complete.
    """

    machine: dict[str, str]
    threads: int
    limits: MachineLimits
    single: MachineLimits
    configurations: list[Configuration]
    peers: list[Peer]
    measurements: list[Measurement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    rounds: int = 0
    disturbed: int = 0
    interrupted: bool = False

    def spread(self, configuration: str, rule: str, peer: str) -> Spread | None:
        """Return the seconds of a step; None where they were not measured."""
        found = self._measurement(configuration, rule, peer)
        return None if found is None else found.spread

    def _measurement(self, configuration: str, rule: str, peer: str) -> Measurement | None:
        for one in self.measurements:
            if (one.configuration, one.rule, one.peer) == (configuration, rule, peer):
                return one
        return None

    def ratio(self, configuration: str, rule: str, peer: str) -> Spread | None:
        """Return wengert's time as a part of a peer's in the same rounds."""
        ours, theirs = (self._measurement(configuration, rule, name) for name in ("wengert", peer))
        return None if ours is None or theirs is None else ratio(ours.seconds, theirs.seconds)

    def mean_ratio(self, peer: str, configurations: str, rules: Iterable[str] = RULES) -> float | None:
        """Return the geometric mean of the ratios; None where one of them is missing, or noise."""
        ratios = [self.ratio(name, rule, peer) for name in configurations for rule in rules]
        known = [one.median for one in ratios if one is not None and not one.is_noise]
        return statistics.geometric_mean(known) if known and len(known) == len(ratios) else None

    def roofline(self, configuration: Configuration, rule: str) -> float:
        """Return the seconds that a step takes at least: its products at the peak, or its memory traffic.

        The traffic is that of parameters and optimiser's state, read and written back.
        """
        read, written = configuration.bytes_read(rule), configuration.state_bytes(rule)
        return self.limits.roofline(configuration.flops, read, written, 4)


def measure(
    configurations: Sequence[Configuration],
    peers: Sequence[Peer],
    threads: int,
    rounds: int,
    report: Report,
    rules: Sequence[str] = RULES,
) -> Result:
    """Run the suite.

    Parameters
    ----------
    configurations : sequence of Configuration
    peers : sequence of Peer
        Installed.
    threads : int
        That each may use.
    rounds : int
        In which each has one turn.
    report : callable
        Gets a line now and then.
    rules : sequence of str
        Of `RULES`.
    """
    report("measuring the limits of the machine")
    result = Result(
        describe_machine(), threads, machine_limits(threads), machine_limits(1), [*configurations], [*peers]
    )
    try:
        with remembered_interrupts() as check:
            for configuration in configurations:
                for rule in rules:
                    _measure_one(result, configuration, rule, rounds, report, check)
    except KeyboardInterrupt:
        result.interrupted = True
    return result


def _measure_one(
    result: Result,
    configuration: Configuration,
    rule: str,
    rounds: int,
    report: Report,
    check: Callable[[], None],
) -> None:
    """Add the measurements of one configuration."""
    here = f"{configuration.name} with {rule}"
    trials = {}
    for peer in result.peers:
        report(f"{here}: {peer.title} looks for its best settings")
        try:
            candidates = peer.candidates(configuration, rule, result.threads)
            trials[peer.name] = _best(
                [_checked(candidate, check) for candidate in candidates], result.threads
            )
        except Exception as error:  # another library may fail in any way; the others go on
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            result.failures.append(f"{peer.title}, {here}: {reason}")
    report(f"{here}: {rounds} round{'s' if rounds > 1 else ''}")

    def listen() -> None:
        if result.threads > 1:
            result.rounds += 1
            result.disturbed += share_of_cores(result.threads) < QUIET

    turns = {name: trial.turn for name, trial in trials.items()}
    for name, seconds in interleaved(turns, rounds, result.threads, listen).items():
        settings = trials[name].candidate.settings
        result.measurements.append(Measurement(configuration.name, rule, name, settings, seconds))


def _checked(candidate: Candidate, check: Callable[[], None]) -> Candidate:
    """Return a candidate whose training ends with KeyboardInterrupt where it was cut short."""

    def train(epochs: int) -> Training:
        try:
            return candidate.train(epochs)
        finally:
            check()

    return replace(candidate, train=train)


@dataclass(frozen=True)
class Trial:
    """A candidate, and how many of its epochs make a turn."""

    candidate: Candidate
    epochs: int

    def turn(self) -> float:
        """Train; return the seconds a step."""
        training = self.candidate.train(self.epochs)
        return training.seconds / training.steps


def _best(candidates: Sequence[Candidate], threads: int) -> Trial:
    """Return the fastest of several settings."""
    tried = []
    for candidate in candidates:
        training = candidate.train(1)
        tried.append((training.seconds / training.steps, training.seconds, candidate))
        if threads > 1:
            time.sleep(PAUSE)
    _, seconds, fastest = min(tried, key=lambda one: one[0])
    return Trial(fastest, max(1, math.ceil(TURN / max(seconds, 1e-6))))
