"""What a result says about its machine."""

import os

import pytest

from benchmarks import machine

CPUINFO = """\
processor : 0
model name : Imaginary 9000
cpu family : 25
model : 17
stepping : 1
flags : fpu avx2 avx512f avx512_bf16 amx_bf16

processor : 1
model name : Another
"""


def test_processor_and_memory_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first processor's name and the flags that matter for bf16."""
    files = {"/proc/cpuinfo": CPUINFO, "/proc/meminfo": "MemTotal:       16777216 kB\n"}
    monkeypatch.setattr(machine, "_read", files.__getitem__)

    found = machine.machine()

    assert found["cpu"] == "Imaginary 9000"
    assert found["model"] == "cpu family 25 model 17 stepping 1"
    assert found["flags"] == ["avx2", "avx512f", "avx512_bf16", "amx_bf16"]
    assert found["memory_gib"] == 16.0


def test_a_system_without_these_files_has_a_machine_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read is left out, and nothing fails."""
    monkeypatch.setattr(machine, "_read", lambda path: "")

    found = machine.machine()

    assert found["cpu"]
    assert found["flags"] == []
    assert found["memory_gib"] is None
    assert 1 <= found["cores"] <= (os.cpu_count() or 1)


def test_a_busy_machine_is_named() -> None:
    """Above a load of one half the timings are not to be trusted."""
    assert machine.busy([0.5, 9.0, 9.0]) == ""
    assert "1.7" in machine.busy([1.7, 0.0, 0.0])
