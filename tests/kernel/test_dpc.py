"""DPC objects: queued at most once, in order of importance, on their target."""

import pytest

from ndisemu.kernel import Cpu, Dpc, Importance, Kernel

END = 1 << 40
PLENTY = 1 << 30


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def cpu(kernel: Kernel) -> Cpu:
    return Cpu(kernel, "cpu0")


def test_waiting_dpc_is_not_queued_again(kernel: Kernel, cpu: Cpu) -> None:
    """Queueing a DPC that waits returns False, and it runs once."""
    runs: list[int] = []
    dpc = Dpc(lambda: runs.append(kernel.now))

    assert dpc.queue(cpu)
    assert not dpc.queue(cpu)
    assert not dpc.queue(Cpu(kernel, "cpu1"))
    kernel.run(END, PLENTY)

    assert runs == [0]


def test_running_dpc_can_be_queued_again(kernel: Kernel, cpu: Cpu) -> None:
    """A DPC has left the queue when its routine runs, so that an interrupt meanwhile queues it again."""
    answers: list[bool] = []

    def routine() -> None:
        if len(answers) < 3:
            answers.append(dpc.queue(cpu))

    dpc = Dpc(routine)
    dpc.queue(cpu)
    kernel.run(END, PLENTY)

    assert answers == [True, True, True]
    assert cpu.dpcs_run == 4


@pytest.mark.parametrize("importance", Importance)
def test_only_high_importance_enters_at_the_head(kernel: Kernel, cpu: Cpu, importance: Importance) -> None:
    """A DPC of high importance overtakes all that wait; every other one goes to the tail."""
    order: list[str] = []
    for number in range(2):
        Dpc(lambda number=number: order.append(f"medium {number}")).queue(cpu)  # type: ignore[misc]
    Dpc(lambda: order.append("it"), importance=importance).queue(cpu)

    kernel.run(END, PLENTY)

    assert order.index("it") == (0 if importance is Importance.HIGH else 2)


def test_importances_have_the_values_of_the_ddk() -> None:
    """The numbers are those of KDPC_IMPORTANCE."""
    assert {item.name: item.value for item in Importance} == {"LOW": 0, "MEDIUM": 1, "HIGH": 2, "MEDIUM_HIGH": 3}


def test_dpc_runs_on_its_target(kernel: Kernel, cpu: Cpu) -> None:
    """A DPC with a target runs there, any other one on the CPU that queues it."""
    target = Cpu(kernel, "cpu1")
    ran_on: list[str] = []

    def routine() -> None:
        assert kernel.current is not None
        ran_on.append(kernel.current.name)

    Dpc(routine, cpu=target).queue(cpu)
    Dpc(routine).queue(cpu)
    kernel.run(END, PLENTY)

    assert ran_on == ["cpu1", "cpu0"]


def test_removed_dpc_does_not_run(kernel: Kernel, cpu: Cpu) -> None:
    """A DPC taken out of its queue does not run, whichever CPU it waited on, and can be queued again."""
    runs: list[str] = []
    dpc = Dpc(lambda: runs.append("ran"), cpu=Cpu(kernel, "cpu1"))
    dpc.queue(cpu)

    assert dpc.remove()
    assert not dpc.remove()
    kernel.run(END, PLENTY)
    assert runs == []

    assert dpc.queue(cpu)
    kernel.run(END, PLENTY)
    assert runs == ["ran"]


def test_idle_dpc_cannot_be_removed(kernel: Kernel, cpu: Cpu) -> None:
    """Removing a DPC that was never queued, or has run, returns False."""
    dpc = Dpc(lambda: None)

    assert not dpc.remove()
    dpc.queue(cpu)
    kernel.run(END, PLENTY)
    assert not dpc.remove()


def test_dpc_says_whether_it_waits(cpu: Cpu) -> None:
    """The repr of a DPC gives its name and whether it is queued."""
    dpc = Dpc(lambda: None, name="rx")

    assert repr(dpc) == "<Dpc rx idle>"
    dpc.queue(cpu)
    assert repr(dpc) == "<Dpc rx queued>"
