"""Lock-step: simulated time waits for every node, so that a run is the same on any machine.

The simulator's node conducts. After each control period it lets, in rounds, every node go on that has
something to do: a message that has arrived, a timer that is due, results that are ready. A node takes all of
it, in an order that depends only on what was sent, and answers with what it has published; the next round
follows until no node has anything to do before the next control period. Messages go through DDS as always;
only turns are given through a Unix socket.

What a stage's work costs is charged to simulated time (`vla_sim.common.clock`): a node that has worked is
busy for that long, and what it publishes then comes out at the end of that time. So slow thinking costs the
robot as it would in life.
"""

__all__ = ["conductor", "follower", "run_environment", "turn_taking"]
