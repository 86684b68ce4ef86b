"""What the vendor's SDK, unmodified, makes of a simulated G1: `python loco_client.py DOMAIN`."""

import json
import sys
import time

from unitree_sdk2py.core.channel import ChannelFactoryInitialize, ChannelSubscriber
from unitree_sdk2py.g1.loco.g1_loco_client import LocoClient
from unitree_sdk2py.idl.unitree_hg.msg.dds_ import LowState_
from unitree_sdk2py.utils.crc import CRC

ChannelFactoryInitialize(int(sys.argv[1]), "lo")
seen = []
states = ChannelSubscriber("rt/lowstate", LowState_)
states.Init(seen.append, 10)
client = LocoClient()
client.SetTimeout(30.0)
client.Init()
while len(seen) < 100:
    time.sleep(0.1)
last = seen[-1]  # the next one comes meanwhile
out = {"crc": CRC().Crc(last) == last.crc, "mode_machine": last.mode_machine}
out["move"] = client.SetVelocity(0.3, 0.0, 0.0, 2.0)
begin = seen[-1].tick
while seen[-1].tick < begin + 4000:  # [ms] of the robot's time
    time.sleep(0.1)
out["sit"] = client.SetFsmId(3)
print(json.dumps(out))
