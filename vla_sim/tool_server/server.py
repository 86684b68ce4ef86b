"""The calls as tools of the Model Context Protocol, on standard input and output.

Standard output is the protocol's alone; what a person should read goes to standard error.
"""

import base64
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import mcp_types as types
import msgspec
from anyio import to_thread
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

import vla_sim
from vla_sim.common.errors import INTERRUPTED, InputError, VlaSimError, nearest
from vla_sim.common.signals import ENDING
from vla_sim.common.yaml_records import Problem, typed
from vla_sim.tool_server import calls, library, run_folder
from vla_sim.tool_server.child_run import Report
from vla_sim.tool_server.runs import Runs

INSTRUCTIONS = (
    "A simulated humanoid in a simulated home: give it a command or a scenario, read the verdict from the "
    "simulator's truth, ask why. One run at a time; each takes a minute or more."
)
Answer = msgspec.Struct | tuple[str, bytes]
"""A record, or words with a PNG."""


class Tool(NamedTuple):
    """call: what it is asked with. answer: the record it answers with; None: a picture."""

    call: type[calls.Call]
    answer: type[msgspec.Struct] | None
    do: Callable[[Any, Report], Awaitable[Answer]]


class Tools:
    def __init__(self, root: Path, own: Path | None) -> None:
        """root: the folder of runs. own: a folder of scenarios besides the shipped. Raises `InputError`."""
        self.runs = Runs(root)
        self._files = library.scenario_files(own)
        self._tools = {
            "list_worlds": Tool(calls.ListWorlds, calls.Worlds, self._worlds),
            "list_scenarios": Tool(calls.ListScenarios, calls.Scenarios, self._scenarios),
            "run_scenario": Tool(calls.RunScenario, calls.Outcome, self._run_scenario),
            "run_command": Tool(calls.RunCommand, calls.Outcome, self._run_command),
            "verdict": Tool(calls.Verdict, calls.Outcome, self._verdict),
            "why": Tool(calls.Why, calls.Reasons, self._why),
            "picture": Tool(calls.Picture, None, self._picture),
            "stop": Tool(calls.Stop, calls.Stopped, self._stop),
        }

    def listed(self) -> list[types.Tool]:
        return [
            types.Tool(
                name=name, description=" ".join((tool.call.__doc__ or "").split()),
                input_schema=calls.schema(tool.call),
                output_schema=None if tool.answer is None else calls.schema(tool.answer),
            )
            for name, tool in self._tools.items()
        ]  # fmt: skip

    async def call(self, name: str, arguments: dict[str, Any], report: Report) -> Answer:
        """report: called while a run goes on. Raises `VlaSimError`."""
        if name not in self._tools:
            raise InputError(f"no tool is called {calls.short(name, 100)!r}{nearest(name, self._tools)}")
        tool = self._tools[name]
        try:
            # Through JSON, in which no number is infinite.
            asked = typed(msgspec.json.decode(msgspec.json.encode(arguments)), tool.call, "$")
        except Problem as problem:
            raise InputError(str(problem)) from None
        return await tool.do(asked, report)

    async def _worlds(self, asked: calls.ListWorlds, report: Report) -> Answer:
        return await to_thread.run_sync(library.worlds)

    async def _scenarios(self, asked: calls.ListScenarios, report: Report) -> Answer:
        return await to_thread.run_sync(library.scenarios, self._files)

    async def _run_scenario(self, asked: calls.RunScenario, report: Report) -> Answer:
        words = library.play_words(asked, self._files)
        return await self._run(asked.scenario, words, asked, report)

    async def _run_command(self, asked: calls.RunCommand, report: Report) -> Answer:
        return await self._run("run", library.run_words(asked), asked, report)

    async def _run(self, scenario: str, words: list[str], asked: calls.Bounds, report: Report) -> Answer:
        child = self.runs.start(scenario, words, asked.time_limit)
        try:
            return await self.runs.outcome(child.folder.name, asked.wait, report)
        except anyio.get_cancelled_exc_class():
            child.tell_to_end("its call was cancelled")
            raise

    async def _verdict(self, asked: calls.Verdict, report: Report) -> Answer:
        return await self.runs.outcome(asked.run, asked.wait, report)

    async def _why(self, asked: calls.Why, report: Report) -> Answer:
        return self.runs.reasons(asked.run)

    async def _picture(self, asked: calls.Picture, report: Report) -> Answer:
        folder = self.runs.judged(asked.run)
        return await to_thread.run_sync(run_folder.picture, folder, run_folder.record_of(folder), asked)

    async def _stop(self, asked: calls.Stop, report: Report) -> Answer:
        return calls.Stopped(run=await self.runs.stop())


def server(tools: Tools) -> Server[Any]:
    async def listed(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools.listed())

    async def call(
        context: ServerRequestContext[Any], asked: types.CallToolRequestParams
    ) -> types.CallToolResult:
        async def report(seconds: float, line: str) -> None:
            await context.session.report_progress(seconds, message=line)

        try:
            answer = await tools.call(asked.name, asked.arguments or {}, report)
        except VlaSimError as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
        return _result(answer)

    return Server(
        "vla_sim", version=vla_sim.__version__, instructions=INSTRUCTIONS, on_list_tools=listed,
        on_call_tool=call,
    )  # fmt: skip


def _result(answer: Answer) -> types.CallToolResult:
    if isinstance(answer, tuple):
        words, png = answer
        image = types.ImageContent(data=base64.b64encode(png).decode(), mime_type="image/png")
        return types.CallToolResult(content=[types.TextContent(text=words), image])
    text = types.TextContent(text=msgspec.json.encode(answer).decode())
    return types.CallToolResult(content=[text], structured_content=msgspec.to_builtins(answer))


def serve(root: Path, own: Path | None) -> None:
    """Until standard input ends, or Ctrl-C; a run under way is ended then. Raises `InputError`."""
    anyio.run(_serve, Tools(root, own))


async def _serve(tools: Tools) -> None:
    made = server(tools)
    async with anyio.create_task_group() as group:
        group.start_soon(_end_when_told, tools.runs)
        try:
            async with stdio_server() as (incoming, outgoing):
                await made.run(incoming, outgoing, made.create_initialization_options())
        finally:
            with anyio.CancelScope(shield=True):
                await tools.runs.stop()
        group.cancel_scope.cancel()


async def _end_when_told(runs: Runs) -> None:
    with anyio.open_signal_receiver(*ENDING) as told:
        async for _ in told:
            await runs.stop()
            os._exit(INTERRUPTED)  # standard input is read in a thread that nothing wakes
