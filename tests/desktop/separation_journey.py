"""Two people talk into the microphone: the real window, started by the test in a process of its own. Tells JSON lines.

Usage: separation_journey.py MIXTURE LIVE.png DONE.png
"""

import asyncio
import subprocess
import sys
import threading

from app import i18n, theme
from app.main_window import MainWindow
from app.services import Services
from tests.desktop.acting import run, tell, until


async def played(mixture, states):
    """The mixture through the microphone, until its last word is in the lanes."""
    before = states[-1].heard_s
    player = subprocess.Popen(["paplay", "--device=polyphony_microphone_sink", mixture])
    while player.poll() is None:
        await asyncio.sleep(0.1)
    end = states[-1].heard_s
    await until(lambda: states[-1].heard_s > end + states[-1].latency_s + 1.0)
    return before


async def journey(app, mixture, live_picture, done_picture):
    i18n.install("en")
    theme.use_font(app)
    theme.apply(app, "light")
    services = Services()
    window = MainWindow(services, "separation")
    window.resize(1280, 800)
    window.show()
    await until(lambda: window.page("separation") is not None)
    tab = window.page("separation")
    tab.choice.choose("live")
    live, states, ended = tab.live, [], []
    live.session.grown.connect(states.append)
    live.session.ended.connect(ended.append)
    await until(lambda: live.input.device.count() > 0)
    tab.primary.click()
    await until(lambda: bool(states))
    before = await played(mixture, states)
    window.grab().save(live_picture)
    tell(
        before_s=before,
        heard_s=[state.heard_s for state in states],
        drawn=[[outline.frames for outline in state.outlines] for state in states[:: len(states) // 4 or 1]],
        latency_s=states[-1].latency_s,
        lanes=len(live.lanes.lanes),
        told=live.told.text(),
        action=tab.primary.text(),
    )
    tab.primary.click()
    await until(lambda: bool(ended))
    await until(lambda: tab.session.assessment is not None)
    await until(lambda: not tab.is_busy)
    window.grab().save(done_picture)
    separated, assessment = ended[0], tab.session.assessment
    tell(
        mixture=str(separated.mixture),
        tracks=list(map(str, separated.tracks)),
        frames=separated.frames,
        voices=assessment.voices,
        page=tab.choice.current,
        messages=[message.heading for message in tab.messages.messages],
    )
    await services.close()
    live.input.microphone.wait_closed()
    tell(threads=[thread.name for thread in threading.enumerate() if "microphone" in thread.name])


run(lambda app: journey(app, *sys.argv[1:]))
