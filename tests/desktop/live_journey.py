"""A person listens: the real window, started by the test in a process of its own. Tells JSON lines.

Usage: live_journey.py STEP…  where a step is a sound file (played into the microphone), ``silence`` or ``lose``.
"""

import asyncio
import subprocess
import sys
import threading
import time

from app import i18n, theme
from app.main_window import MainWindow
from app.services import Services
from tests.desktop.acting import run, tell, until


async def watch(live, seconds):
    """How often which word was on the screen."""
    words, end = {}, time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(0.1)
        said = live.sight.word.text()
        words[said] = words.get(said, 0) + 1
    return words


async def journey(app, steps):
    i18n.install("en")
    theme.use_font(app)
    theme.apply(app, "light")
    services = Services()
    window = MainWindow(services, "emotion")
    window.resize(1280, 800)
    window.show()
    await until(lambda: window.page("emotion") is not None)
    tab = window.page("emotion")
    live = tab.live
    states = []
    live.input.microphone.state_changed.connect(
        lambda state, _text: (
            states.append(state),
            tell(state=state) if state in ("listening", "lost") else None,
        )
    )
    await until(lambda: live.input.device.count() > 0)
    tab.primary.click()
    await until(lambda: live.session.results >= 2)
    for step in steps:
        if step == "silence":
            tell(step=step, words=await watch(live, 3.0))
        elif step == "lose":
            tell(want="pull out")
            await until(lambda: states[-1] == "lost")
            tell(want="put back")
            await until(lambda: states[-1] == "listening")
            before = live.session.results
            await until(lambda before=before: live.session.results > before + 2)
        else:
            player = subprocess.Popen(["paplay", "--device=polyphony_microphone_sink", step])
            tell(step=step, words=await watch(live, 4.0))
            player.wait()
            await asyncio.sleep(2.5)
    latencies = list(live.session.latencies_s)
    tab.primary.click()
    await until(lambda: not live.session.listening)
    await services.close()
    live.input.microphone.wait_closed()
    left = [thread.name for thread in threading.enumerate() if "microphone" in thread.name]
    tell(latencies_s=latencies, skipped=live.session.skipped, threads=left)


run(lambda app: journey(app, sys.argv[1:]))
