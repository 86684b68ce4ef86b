"""What was recorded stays, whatever happens to the process or to the disk."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_entries import alert, entries, state
from waiting import wait_for

from vla_sim.common.errors import InputError
from vla_sim.contract import topics
from vla_sim.contract.codec import encode
from vla_sim.monitor import journal
from vla_sim.monitor.journal import FILE, Journal, Lost, Start


def test_what_is_recorded_is_read_back(tmp_path):
    told = []
    book = Journal(tmp_path / "deep" / FILE, told.append, domain=7)
    for entry in entries()[1:]:
        topic = next(t for t in topics.TOPICS if t.name == entry.topic)
        book.record(topic, entry.record, entry.mono)
    book.close()
    found = journal.read(journal.find(tmp_path / "deep"))
    assert isinstance(found[0].record, Start)
    assert found[0].record.domain == 7
    assert [(e.topic, e.record) for e in found[1:]] == [(e.topic, e.record) for e in entries()[1:]]
    assert [e.mono for e in found[1:]] == pytest.approx([e.mono for e in entries()[1:]])
    assert told == []


PROGRAM = """
import sys, time
from pathlib import Path
from vla_sim.contract import topics
from vla_sim.contract.records import Status
from vla_sim.monitor.journal import Journal
book = Journal(Path(sys.argv[1]), print)
for k in range(10**9):
    book.record(topics.STATUS, Status(command_id=str(k), state="running", detail="x" * 300, mono=0.0), k)
    if k % 100 == 99:
        while book._waiting:
            time.sleep(0.0005)
        time.sleep(0.002)
        print(k, flush=True)
"""


@pytest.mark.parametrize("after", [3, 40])
def test_a_process_that_is_killed_leaves_what_it_recorded(tmp_path, after):
    path = tmp_path / FILE
    line = [sys.executable, "-c", PROGRAM, str(path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(after):
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        last = max([last, *map(int, process.stdout.read().split())])
    assert process.returncode == -signal.SIGKILL
    found = [e.record.command_id for e in journal.read(path) if e.topic == topics.STATUS.name]
    assert found == [str(k) for k in range(len(found))]  # in order, without a gap
    assert len(found) > last
    book = Journal(path, print)  # and the next one goes on in the same file
    book.record(topics.MONITOR_ALERTS, alert(1.0), 1.0)
    book.close()
    assert journal.read(path)[-1].record == alert(1.0)


def test_a_full_disk_is_one_warning_and_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "RETRY_PERIOD", 0.02)
    path = tmp_path / FILE
    path.symlink_to("/dev/full")
    told = []
    book = Journal(path, told.append, queue=5)
    for k in range(50):
        book.record(topics.MONITOR_ALERTS, alert(float(k)), float(k))
        time.sleep(0.002)
    wait_for(lambda: told)
    assert told == [f"{path} cannot be written: No space left on device; the robot goes on without it"]
    path.unlink()  # there is room again
    wait_for(lambda: len(told) == 2)
    book.record(topics.MONITOR_ALERTS, alert(99.0), 99.0)
    book.close()
    assert told[1] == f"{path} is written again"
    found = journal.read(path)
    kept = [e.mono for e in found if e.topic]
    lost = sum(e.record.lines for e in found if isinstance(e.record, Lost))
    assert kept[-1] == 99.0
    assert kept == sorted(set(kept))
    assert lost == book.lost > 0
    assert lost + len(kept) == 51


def test_recording_never_waits_for_the_disk(tmp_path, monkeypatch):
    gate = threading.Event()

    def hang(self, lines):
        gate.wait(10.0)
        lines.clear()
        return True

    monkeypatch.setattr(Journal, "_write", hang)
    book = Journal(tmp_path / FILE, print, queue=100)
    book.record(topics.MONITOR_STATE, state(1.0), 1.0)
    wait_for(lambda: not book._waiting)  # the writer hangs on the first line
    for k in range(1000):
        book.record(topics.MONITOR_STATE, state(float(k + 1)), float(k))
    assert len(book._waiting) == 100
    assert book.lost == 900
    gate.set()
    book.close()


def test_a_line_that_the_disk_took_in_part_comes_again_whole(tmp_path, monkeypatch):
    true_write = journal.os.write
    short = iter([10_000, 700, 33, None, 2000])

    def write(file, data):
        most = next(short, 10_000)
        if most is None:
            raise OSError(28, "No space left on device")
        return true_write(file, data[:most])

    monkeypatch.setattr(journal.os, "write", write)
    monkeypatch.setattr(journal, "RETRY_PERIOD", 0.01)
    told = []
    book = Journal(tmp_path / FILE, told.append)
    with book._changed:  # all in one batch
        for k in range(20):
            book._waiting.append(b'{"mono":%d,"topic":"/monitor/alerts","record":%s}\n' % (
                k, encode(alert(float(k))).encode(),
            ))  # fmt: skip
        book._changed.notify()
    wait_for(lambda: len(told) == 2)
    book.close()
    assert [e.mono for e in journal.read(tmp_path / FILE) if e.topic] == list(map(float, range(20)))


def test_a_large_journal_begins_a_new_file_and_keeps_the_one_before(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "LARGEST", 5000)
    path = tmp_path / FILE
    book = Journal(path, print)
    for k in range(60):
        book.record(topics.MONITOR_ALERTS, alert(float(k)), float(k))
        wait_for(lambda: not book._waiting)
        time.sleep(0.002)
    book.close()
    assert journal.earlier(path).is_file()
    assert path.stat().st_size < 20_000
    found = [e.mono for e in journal.read(path) if e.topic]
    assert found == list(map(float, range(60 - len(found), 60)))
    assert len(found) > 15


@given(st.binary(max_size=300))
def test_whatever_the_file_holds_the_good_lines_are_read(tmp_path_factory, rubbish):
    path = tmp_path_factory.mktemp("journal") / FILE
    good = b'{"mono":1.5,"topic":"/monitor/alerts","record":%s}' % encode(alert(1.5)).encode()
    path.write_bytes(b"\n".join([rubbish, good, good[:40], rubbish]))
    assert [e.record for e in journal.read(path)].count(alert(1.5)) >= 1


def test_what_is_no_journal_is_said(tmp_path):
    with pytest.raises(InputError, match="does not exist; give a run's folder"):
        journal.find(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not in lock-step and not with --no-monitor"):
        journal.find(tmp_path)
    (tmp_path / FILE).write_text("hello\n")
    with pytest.raises(InputError, match="is no journal of the monitor"):
        journal.read(journal.find(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the monitor's journal to"):
        Journal(tmp_path / "file" / "below" / FILE, print)
