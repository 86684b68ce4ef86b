"""The server as its users have it: a process, spoken to by the protocol's own client on stdio."""

import base64
import io
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from typing import Any

import anyio
import psutil
import pytest
from PIL import Image

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters

PLAYED = 1800.0  # [s] for a run on a busy machine
WAIT = 600.0  # [s] of one call
TURN = {"words": "turn left 90 degrees", "engine": "kinematic", "time_limit": PLAYED}
NODES = 9  # of the stack, less than all its processes


@asynccontextmanager
async def served(folder, *arguments):
    """A client of a server in `folder`, and the server's process."""
    before = set(psutil.Process().children())
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "vla_sim.cli.main", "mcp", "--out", str(folder / "runs"), *arguments],
        env=dict(os.environ), cwd=folder,
    )  # fmt: skip
    async with Client(parameters) as client:
        (server,) = set(psutil.Process().children()) - before
        yield client, server


def told(result):
    """The words of a result, or its record."""
    text = result.content[0].text
    if result.is_error:
        return text
    assert json.loads(text) == result.structured_content
    return result.structured_content


async def until_it_moves(server):
    """The processes of a run whose nodes have all started."""
    with anyio.fail_after(PLAYED):
        while len(found := server.children(recursive=True)) < NODES:
            await anyio.sleep(0.1)
    return found


async def until_gone(processes, seconds=90.0):
    with anyio.fail_after(seconds):
        while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
            await anyio.sleep(0.1)


@pytest.mark.integration
def test_wrong_input_is_answered_with_a_line(tmp_path):
    wrong: dict[str, list[tuple[dict[str, Any], str]]] = {
        "run_scenario": [
            ({}, "missing required field `scenario`"),
            ({"scenario": "fetch_cap"}, "no scenario is called 'fetch_cap'; did you mean fetch_cup?"),
            ({"scenario": "fetch_cup", "sed": 1}, "'sed' is not known here; did you mean seed?"),
            ({"scenario": "fetch_cup", "seed": -1}, "seed: expected `int` >= 0"),
            ({"scenario": "fetch_cup", "engine": "chalk"}, "engine: invalid enum value 'chalk'; known are"),
            ({"scenario": "fetch_cup", "time_limit": 1e9}, "time_limit: expected `float` <= 1800"),
        ],
        "run_command": [({"words": ""}, "words: expected `str` of length >= 1")],
        "verdict": [({"run": "../x"}, "no run has been judged in")],
        "why": [({}, "no run has been judged in")],
        "picture": [({"view": "below"}, "view: invalid enum value 'below'; known are outside, head, sheet")],
        "walk": [({}, "no tool is called 'walk'; known are list_worlds")],
    }

    async def play():
        async with served(tmp_path) as (client, _):
            for name, cases in wrong.items():
                for arguments, words in cases:
                    result = await client.call_tool(name, arguments)
                    assert result.is_error, (name, arguments)
                    assert words in told(result)
                    assert "\n" not in told(result)
            assert told(await client.call_tool("stop", {})) == {"run": ""}

    anyio.run(play)


@pytest.mark.integration
def test_a_run_that_cannot_be_played_says_why(tmp_path):
    async def play():
        async with served(tmp_path) as (client, _):
            asked = {"scenario": "turn_left", "engine": "g1", "real_time": False, "wait": 300.0}
            found = told(await client.call_tool("run_scenario", asked))
            assert found["state"] == "broke off"
            assert found["reasons"] == ["engine g1 goes at the pace of the clock alone: --speed 1"]
            assert told(await client.call_tool("why", {}))["reasons"] == found["reasons"]

    anyio.run(play)


@pytest.mark.scenario
@pytest.mark.ros
def test_a_command_is_played_judged_explained_and_shown(tmp_path):
    lines = []

    async def progress(_, __, line):
        lines.append(line)

    async def play():
        async with served(tmp_path) as (client, _):
            found = told(await client.call_tool("run_command", TURN | {"wait": 0.0}))
            assert found["state"] == "running"
            refused = await client.call_tool("run_command", TURN)
            assert refused.is_error
            assert f"run {found['run']} is under way" in told(refused)
            while found["state"] == "running":
                asked = {"wait": WAIT}
                found = told(await client.call_tool("verdict", asked, progress_callback=progress))
            assert found["state"] == "passed", found
            assert (found["scenario"], found["command"]) == ("run", "turn left 90 degrees")
            assert found["first_motion_ms"] < found["first_motion_limit_ms"]
            assert "own plan" in found["note"]
            assert any("apartment, seed 0: starting" in line for line in lines), lines
            why = told(await client.call_tool("why", {"run": found["run"]}))
            assert {c["name"]: c["passed"] for c in why["checks"]}["turn 90 degrees"]
            assert any("succeeded" in one for one in why["events"])
            words, image = (await client.call_tool("picture", {"at": 0.0, "view": "sheet"})).content
            assert words.text == "the whole run"
            assert image.mime_type == "image/png"
            assert Image.open(io.BytesIO(base64.b64decode(image.data))).width <= 640

    anyio.run(play)


@pytest.mark.scenario
@pytest.mark.ros
def test_a_run_ends_with_its_call_and_with_its_client(tmp_path):
    async def play():
        async with served(tmp_path) as (client, server):
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, "run_command", TURN | {"wait": WAIT})
                first = await until_it_moves(server)
                group.cancel_scope.cancel()
            await until_gone(first)
            found = told(await client.call_tool("verdict", {"wait": 60.0}))
            assert (found["state"], found["reasons"]) == ("stopped", ["its call was cancelled"])

            found = told(await client.call_tool("run_command", TURN | {"wait": 0.0}))
            second = await until_it_moves(server)
            assert told(await client.call_tool("stop", {})) == {"run": found["run"]}
            assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in second)

            await client.call_tool("run_command", TURN | {"wait": 0.0})
            third = await until_it_moves(server)
        await until_gone([server, *third])

    anyio.run(play)


@pytest.mark.scenario
@pytest.mark.ros
def test_a_run_ends_at_its_time_limit(tmp_path):
    async def play():
        async with served(tmp_path) as (client, _):
            asked = TURN | {"wait": WAIT, "time_limit": 1.0}
            began = time.monotonic()
            found = told(await client.call_tool("run_command", asked))
            assert found["state"] == "stopped"
            assert found["reasons"] == ["it took longer than its limit of 1 s"]
            assert time.monotonic() - began < 90.0

    anyio.run(play)
