"""What a journey through the real window is made of: it runs in a process of its own and tells JSON lines."""

import asyncio
import json
import time


def tell(**values):
    print(json.dumps(values), flush=True)


async def until(condition, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        await asyncio.sleep(0.05)
