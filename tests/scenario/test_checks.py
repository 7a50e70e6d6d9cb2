"""Values and names that do not fit each other, or their key: each is told at its place, once, in words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ndisemu.scenario.load import load

Write = Callable[[str | bytes], Path]
Problems = Callable[..., list[str]]

# Three hosts of which two are linked; what a test adds comes after line 8.
HEAD = """\
version: 1
name: n
hosts:
  a: {nics: {eth0: {}, eth1: {mtu: 576}}}
  b: {nics: {eth0: {}, eth1: {}}}
  c: {nics: {eth0: {}}}
links:
- {between: [a.eth0, b.eth0]}
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("- {between: [a.eth1, a.eth1]}", ["9:22: a.eth1 cannot be linked with itself; name two NICs"]),
        ("- {between: [a.eth0, c.eth0]}", ["9:14: a.eth0 is on the link at s.yaml:8:14 already; a NIC has one link"]),
        (
            "- {between: &x [a.eth1, b.eth1]}\n- {between: *x}",
            [
                "9:17: a.eth1 is on the link at s.yaml:9:17 already; a NIC has one link",
                "9:25: b.eth1 is on the link at s.yaml:9:25 already; a NIC has one link",
            ],
        ),
        ("- {between: [a.eth1, zz.top9]}", ["9:22: there is no NIC 'zz.top9'; the NICs are a.eth0, a.eth1, b.eth0, …"]),
        (
            "- {between: [a.eth1, B.eth1]}",
            ["9:22: links.1.between.1 must be a host's NIC such as a.eth0, or a switch, not the text 'B.eth1'"],
        ),
        (
            "- {between: [a.eth1]}",
            ["9:13: between must name two NICs, such as [a.eth0, b.eth0], or a NIC and a switch, not 1"],
        ),
        ("- {between: a.eth1}", ["9:13: between must be a list, not the text 'a.eth1'"]),
        (
            "- {between: [a.eth1, 5]}",
            ["9:22: links.1.between.1 must be a host's NIC such as a.eth0, or a switch, not the number 5"],
        ),
        ("- {}", ["9:3: missing key 'between' in links.1, such as `between: [a.eth0, b.eth0]`"]),
        ("- [a.eth1, b.eth1]", ["9:3: links.1 must be a map, not a list"]),
        (
            "- {between: [a.eth1, b.eth1], rate: 0Gbit/s}",
            ["9:37: rate: '0Gbit/s' sends nothing; write a rate such as 1Gbit/s, or unlimited"],
        ),
        (
            "- {between: [a.eth1, b.eth1], rate: }",
            ["9:37: rate must be a rate such as 1Gbit/s, or unlimited, not nothing"],
        ),
        (
            "- {between: [a.eth1, b.eth1], delay: 9999999999s}",
            ["9:38: delay must be between 0 ns and 1000000000.000 s, not 9999999999.000 s"],
        ),
        ("- {between: [a.eth1, b.eth1], mtu: 1500.0}", ["9:36: mtu must be a whole number, not the number 1500.0"]),
        ("duration: 1s\nuntil: idle", ["10:8: until and duration exclude each other; keep one of them"]),
        ("duration: 0s", ["9:11: duration must be between 1 ns and 1000000000.000 s, not 0 ns"]),
        ("until: dusk", ["9:8: until must be idle, not the text 'dusk'"]),
        (
            "expect: [{that: A b, equals: 1}]",
            ["9:17: that must be a dotted name such as a.eth0.sends.completed, not 'A b'"],
        ),
        ("expect: [{that: violations, equals: .nan}]", ["9:37: equals must be a finite number, not the number nan"]),
        ("expect: [{that: violations, equals: 5us}]", ["9:37: equals must be a finite number, not the text '5us'"]),
        ("expect: [{that: violations, equals: true}]", ["9:37: equals must be a finite number, not true"]),
        ("capture: {interfaces: [a.eth0, a.eth7]}", ["9:32: there is no NIC 'a.eth7' (did you mean 'a.eth1'?)"]),
        ("capture: {}", ["9:10: missing key 'interfaces' in capture, such as `interfaces: all`"]),
        (
            "capture: {<<: {interfaces: all}}",
            ["9:11: merge key '<<' is not read; write the keys out, or alias a whole map"],
        ),
        ("nam: x", ["9:1: unknown key 'nam' at the top of the scenario (did you mean 'name'?)"]),
        ("mtu: 5", ["9:6: mtu must be between 68 and 16110, not 5"]),
        ("clock: [virtual]", ["9:8: clock must be virtual or real, not a list"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_has_its_place_and_says_what_is_right(problems: Problems, lines: str, expected: list[str]) -> None:
    """Each wrong line after the head gives just these problems."""
    found = [problem.replace(", b.eth1, c.eth0", ", …") for problem in problems(HEAD + lines + "\n")]
    assert found == expected


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ("from: a.eth0, to: a.eth0", ["10:22: from and to are both a.eth0; name the two ends of one link"]),
        (
            "from: a.eth0, to: c.eth0",
            ["10:22: a.eth0 and c.eth0 are not the two ends of one link; a.eth0 is linked with b.eth0"],
        ),
        (
            "from: c.eth0, to: a.eth1",
            ["10:22: c.eth0 and a.eth1 are not the two ends of one link; c.eth0 is on no link"],
        ),
        ("from: a.eth0, to: b.eth", ["10:22: there is no NIC 'b.eth' (did you mean 'b.eth1'?)"]),
        ("from: a.eth0, to: x", ["10:22: there is no switch 'x'; a NIC is named with its host, as in a.eth0"]),
        (
            "from: a.eth0, to: b.eth0, size: 1515",
            ["10:36: frame size 1515 is above 1514, the MTU of 1500 plus the 14-byte header"],
        ),
        (
            "from: a.eth0, to: b.eth0, size: [60, 1600, 1514, 2000]",
            [
                "10:41: frame size 1600 is above 1514, the MTU of 1500 plus the 14-byte header",
                "10:53: frame size 2000 is above 1514, the MTU of 1500 plus the 14-byte header",
            ],
        ),
        ("from: a.eth0, to: b.eth0, size: 13", ["10:36: size must be between 14 and 16110, not 13"]),
        (
            "from: a.eth0, to: b.eth0, size: []",
            ["10:36: size must be a whole number, a list of them, or imix, not an empty one"],
        ),
        (
            "from: a.eth0, to: b.eth0, size: imux",
            ["10:36: size must be a whole number, a list of them, or imix, not the text 'imux' (did you mean 'imix'?)"],
        ),
        ("from: a.eth0, to: b.eth0, priority: 8", ["10:40: priority must be between 0 and 7, not 8"]),
        (
            "from: a.eth0, to: b.eth0, priority: []",
            ["10:40: priority must be a whole number or a list of them, not an empty one"],
        ),
        (
            "from: a.eth0, to: b.eth0, priority: high",
            ["10:40: priority must be a whole number or a list of them, not the text 'high'"],
        ),
        ("from: a.eth0, to: b.eth0, every: 0s", ["10:37: every must be between 1 ns and 1000000000.000 s, not 0 ns"]),
        (
            "from: a.eth0, to: b.eth0, select: all",
            ["10:30: unknown key 'select' in traffic.0; the keys here are burst, cpu, every, "],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_flow_is_told(problems: Problems, flow: str, expected: list[str]) -> None:
    """A generator joins the ends of one link with frames that its NIC may send."""
    size = "" if "size" in flow else ", size: 60"
    found = problems(f"{HEAD}traffic:\n- {{{flow}, kind: generator, frames: 1{size}}}\n")
    assert [
        problem.removesuffix("frames, frames_per_list, from, kind, priority, size, start, to, window")
        for problem in found
    ] == expected


@pytest.mark.parametrize(
    ("nic", "expected"),
    [
        (
            "miniport: rng",
            "miniport must be ring, ring-explicit, priority, legacy, ring6, stream, vc or {class: package.module:Class}, not the text 'rng' (did you mean 'ring'?)",
        ),
        (
            "miniport: [ring]",
            "miniport must be ring, ring-explicit, priority, legacy, ring6, stream, vc or {class: package.module:Class}, not a list",
        ),
        ("miniport: {class: x}", "class must be of the form package.module:Class, not 'x'"),
        ("miniport: {}", "missing key 'class' in hosts.a.nics.eth0.miniport, such as `class: my_drivers:MyMiniport`"),
        (
            "mac: 12",
            "mac: '12' is not a MAC address, which is six pairs of hexadecimal digits, such as 02:00:00:00:0a:01",
        ),
        ("mac: [1]", "mac must be a MAC address such as 02:00:00:00:0a:01, not a list"),
        (
            "mac: 03:00:00:00:00:01",
            "mac: '03:00:00:00:00:01' is a group's address, which no card has (did you mean '02:00:00:00:00:01'?)",
        ),
        ("itr: 17ms", "itr must be between 0 ns and 16.776 ms, not 17.000 ms"),
        ("hold: 5", "hold: '5' needs a unit, such as 5us"),
        ("itr: true", "itr must be a duration such as 5us, not true"),
        ("itr: 0", "itr: '0' needs a unit, such as 0us"),
        ("protocol: v7", "protocol must be v5, v6 or {class: package.module:Class}, not the text 'v7'"),
        ("protocol: 5", "protocol must be v5, v6 or {class: package.module:Class}, not the number 5"),
        ("parameters: [1]", "parameters must be a map, not a list"),
        ("parameters: {receive_pool: many}", "receive_pool must be a whole number, not the text 'many'"),
        ("parameters: {receive_pool: true}", "receive_pool must be a whole number, not true"),
        ("parameters: {receive_pool: -1}", "receive_pool must be between 0 and 4294967295, not -1"),
        ("parameters: {tx_ring: 8}", "'tx_ring' has a key of its own in a NIC; write it there"),
        ("parameters: {Pool: 8}", "'Pool' cannot be the name of a parameter, which is made of letters from a to z, "),
        ("shares_interrupt_with: eth0", "eth0 cannot share an interrupt with itself; name another"),
        ("shares_interrupt_with: eth9", "there is no NIC 'eth9' in this host (did you mean 'eth0'?)"),
        ("shares_interrupt_with: wifi", "there is no NIC 'wifi' in this host; its NICs are eth0"),
        ("shares_interrupt_with: 7", "shares_interrupt_with must be text, not the number 7"),
        ("%s: 1" % ("x" * 99), "unknown key '%s…' in hosts.a.nics.eth0; the keys here are " % ("x" * 40)),
    ],
    ids=lambda value: value[:20],
)
def test_a_wrong_nic_is_told(problems: Problems, nic: str, expected: str) -> None:
    """Each wrong value of a NIC gives one problem, which says what a right one looks like."""
    (problem,) = problems(f"version: 1\nname: n\nhosts: {{a: {{nics: {{eth0: {{{nic}}}}}}}}}\n")
    assert problem.split(": ", 1)[1].startswith(expected)


def test_a_wrong_parameter_is_told_where_its_name_stands(problems: Problems) -> None:
    """The place is that of the name, not that of the map or the value."""
    nic = "parameters: {good: 1, itr: 5}"
    (problem,) = problems(f"version: 1\nname: n\nhosts: {{a: {{nics: {{eth0: {{{nic}}}}}}}}}\n")
    assert problem.startswith("3:49: 'itr' has a key of its own")


def test_an_interrupt_is_shared_within_a_host_only(problems: Problems) -> None:
    """A NIC of another host has another interrupt controller, whatever it is called."""
    (problem,) = problems(HEAD.replace("c: {nics: {eth0: {}}}", "c: {nics: {eth0: {shares_interrupt_with: eth1}}}"))
    assert problem == "6:44: there is no NIC 'eth1' in this host (did you mean 'eth0'?)"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("at: 1ms, on: a.eth0, do: link_down, for: 2ms, every: 5ms, times: 3", []),
        ("at: 1999999999ns, on: a.eth0, do: reset", []),
        ("at: 1ms, on: a.eth0, do: link_down, for: 5s", []),
        ("at: 1ms, on: a.eth0, do: reset, for: ", []),
        ("at: 1ms, on: a.eth9, do: reset", ["11:17: there is no NIC 'a.eth9' (did you mean 'a.eth1'?)"]),
        ("at: 1ms, on: a, do: reset", ["11:17: on must be a host's NIC such as a.eth0, not the text 'a'"]),
        (
            "at: 1ms, on: a.eth0, do: rest",
            [
                (
                    "11:29: do must be shared_memory_fails, reset, hang, link_down, link_up, surprise_remove, pause, "
                    "restart or stop, not the text 'rest' (did you mean 'reset'?)"
                )
            ],
        ),
        ("at: soon, on: a.eth0, do: reset", ["11:8: at: 'soon' is not a duration, such as 5us"]),
        ("at: 5, on: a.eth0, do: reset", ["11:8: at: '5' needs a unit, such as 5us"]),
        ("on: a.eth0, do: reset", ["11:3: missing key 'at' in faults.0, such as `at: 500ms`"]),
        ("at: 1ms, do: reset", ["11:3: missing key 'on' in faults.0, such as `on: a.eth0`"]),
        ("at: 1ms, on: a.eth0", ["11:3: missing key 'do' in faults.0, such as `do: link_down`"]),
        (
            "at: 1ms, on: a.eth0, do: reset, form: 1ms",
            ["11:36: unknown key 'form' in faults.0 (did you mean 'for'?)"],
        ),
        (
            "at: 1ms, on: a.eth0, do: reset, for: 1ms",
            [
                (
                    "11:41: reset has no end, so nothing can be said of how long it is; "
                    "what has one is link_down, pause, shared_memory_fails"
                )
            ],
        ),
        (
            "at: 1ms, on: a.eth0, do: link_down, for: 0ms",
            ["11:45: for must be between 1 ns and 1000000000.000 s, not 0 ns"],
        ),
        (
            "at: 1ms, on: a.eth0, do: link_down, for: 9ms, every: 9ms, times: 2",
            ["11:45: for must be shorter than every, 9.000 ms, not 9.000 ms: what has not ended cannot begin again"],
        ),
        (
            "at: 1ms, on: a.eth0, do: reset, every: 9ms",
            ["11:43: every needs times, how many there are, such as `times: 5`"],
        ),
        (
            "at: 1ms, on: a.eth0, do: reset, times: 5",
            ["11:43: times needs every, the time from one to the next, such as `every: 10ms`"],
        ),
        (
            "at: 1ms, on: a.eth0, do: reset, every: 1ms, times: 0",
            ["11:55: times must be between 1 and 10000, not 0"],
        ),
        (
            "at: 2s, on: a.eth0, do: reset",
            ["11:8: this fault at 2.000 s never happens, since the run ends after 2.000 s"],
        ),
        (
            "at: 1s, on: a.eth0, do: reset, every: 500ms, times: 3",
            ["11:56: the last of 3 would begin at 2.000 s, and the run ends after 2.000 s"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wrong_fault_is_told(problems: Problems, write: Write, fault: str, expected: list[str]) -> None:
    """A fault has a time before the end, a NIC that there is, a word that is known, and an end if it has a length."""
    text = f"{HEAD}duration: 2s\nfaults:\n- {{{fault}}}\n"
    if not expected:
        assert load(write(text)).faults
        return
    assert problems(text) == expected


def test_a_run_without_a_duration_waits_for_every_fault(write: Write) -> None:
    """What ends when nothing is left to do has no fault that is too late."""
    assert load(write(f"{HEAD}faults:\n- {{at: 20min, on: a.eth0, do: reset}}\n")).faults[0].at == 1_200 * 10**9


@pytest.mark.parametrize(
    ("counter", "expected"),
    [
        ("a.eth0.sends.failures.NDIS_STATUS_REQUEST_ABORTED", []),
        ("violations", []),
        (
            "a.eth0.sends.failures.NDIS_STATUS_REQUEST_ABORTD",
            ["there is no status 'NDIS_STATUS_REQUEST_ABORTD' (did you mean 'NDIS_STATUS_REQUEST_ABORTED'?)"],
        ),
        (
            "a.eth0.sends.failures.RESOURCES",
            ["there is no status 'RESOURCES' (did you mean 'NDIS_STATUS_RESOURCES'?)"],
        ),
        (
            "a.eth0.sends.failures.x",
            ["there is no status 'x'; ndisemu list statuses has them all"],
        ),
        ("a.eth0.sends.failures", ["there is no counter 'a.eth0.sends.failures' (did you mean 'a.eth0.sends.failed'?)"]),
        ("a.eth0.Sends.completed", ["there is no counter 'a.eth0.Sends.completed' (did you mean 'a.eth0.sends.completed'?)"]),
        (
            "d.eth0.sends.failures.NDIS_STATUS_FAILURE",
            ["there is no counter 'd.eth0.sends.failures.NDIS_STATUS_FAILURE'; try a NIC such as"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_counter_that_is_expected_has_its_name(
    problems: Problems, write: Write, counter: str, expected: list[str]
) -> None:
    """Numbers of a NIC, of the run, and of the sends that ended with a status; each slip has its hint."""
    text = f"{HEAD}expect:\n- {{that: {counter}, equals: 1}}\n"
    found = problems(text) if expected else list(map(str, load(write(text)).expect[1:]))
    assert [problem[: len(f"10:10: {text}")] for problem, text in zip(found, expected, strict=True)] == [
        f"10:10: {text}" for text in expected
    ]


def test_a_wrong_mac_does_not_blame_the_selection(problems: Problems, good: str) -> None:
    """Where the sender's address cannot be read, nothing is said about the frames that have it."""
    (problem,) = problems(good.replace("02:00:00:00:0b:01", "02:00"))
    assert problem.startswith("7:26: mac: ")


def test_an_own_mtu_bounds_the_frames(problems: Problems) -> None:
    """The sending NIC's MTU counts, for the mix as for a number, and the receiver's does not."""
    text = HEAD + "- {between: [a.eth1, b.eth1]}\ntraffic:\n"
    flow = "- {from: %s, to: %s, kind: generator, frames: 1, size: %s}\n"
    text += flow % ("a.eth1", "b.eth1", "imix") + flow % ("b.eth1", "a.eth1", 1514) + flow % ("a.eth1", "b.eth1", 590)
    assert problems(text) == [
        "11:64: the largest frame of imix, 1514, is above 590, the MTU of 576 plus the 14-byte header"
    ]


def test_a_torn_link_does_not_blame_its_traffic(problems: Problems) -> None:
    """A slip in a link's end is one problem, not one for each flow over the link as well."""
    text = (
        HEAD + "- {between: [a.eth1, b.eth11]}\ntraffic:\n- {from: %s, to: %s, kind: generator, frames: 1, size: 60}\n"
    )
    for ends in (("a.eth1", "b.eth1"), ("b.eth1", "a.eth1")):
        assert problems(text % ends) == ["9:22: there is no NIC 'b.eth11' (did you mean 'b.eth1'?)"]


@pytest.mark.parametrize("hosts", ["hosts: [a, b]", "hosts: {a: 5, b: {nics: x}}", ""])
def test_unreadable_hosts_do_not_blame_the_names(problems: Problems, hosts: str) -> None:
    """Where the NICs cannot be told, no name of one is called wrong."""
    found = problems(f"version: 1\nname: n\n{hosts}\nlinks: [{{between: [a.eth0, b.eth0]}}]\n")
    assert found
    assert not [problem for problem in found if "there is no NIC" in problem]


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ("file: captures/web.pcapng", []),
        ("file: captures/web.pcapng, select: all", []),
        ("file: captures/web.pcap", ["10:50: captures/web.pcap: "]),
        ("file: captures", ["10:50: captures: not a regular file, which a capture must be"]),
        ("file: s.yaml", ["10:50: s.yaml: not a pcapng or pcap capture"]),
        ("file: cut.pcapng", ["10:50: cut.pcapng: "]),
        ('file: "a\\0b"', ["10:50: file must be one line of text, not 'a\\x00b'"]),
        ("file: ''", ["10:50: file must be one line of text, not ''"]),
        ("file: 5", ["10:50: file must be text, not the number 5"]),
        ("select: all", ["10:3: missing key 'file' in traffic.0, such as `file: captures/web.pcapng`"]),
        (
            "file: captures/web.pcapng, select: source-mac",
            ["10:79: source-mac compares with the mac of a.eth0, which has none; give it one, or select all"],
        ),
        (
            "file: captures/web.pcapng, select: source-mak",
            ["10:79: select must be all or source-mac, not the text 'source-mak' (did you mean 'source-mac'?)"],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_replay_needs_a_capture(write: Write, problems: Problems, flow: str, expected: list[str]) -> None:
    """A capture that is missing, cut or something else is told at the place that names it."""
    path = write(f"{HEAD}traffic:\n- {{from: a.eth0, to: b.eth0, kind: replay, {flow}}}\n")
    Path("cut.pcapng").write_bytes(Path("captures/web.pcapng").read_bytes()[:-3])
    if not expected:
        assert load(path).traffic
        return
    (problem,) = problems(path)
    assert problem.startswith(expected[0])


def test_a_selection_of_nothing_is_told(problems: Problems, good: str) -> None:
    """No frame of the capture comes from the sender; the message tells whose there are."""
    assert problems(good.replace("0b:01", "0b:02")) == [
        (
            "12:81: no frame of the capture has the source 02:00:00:00:0b:02, the mac of b.eth0; "
            "those there are 02:00:00:00:0b:01"
        )
    ]


def test_captures_are_found_beside_the_scenario(
    write: Write, good: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A relative path begins at the scenario's directory, wherever the command runs."""
    path = write(good).absolute()
    monkeypatch.chdir("/")
    assert load(path).path.parent == tmp_path
