import threading

from vla_sim.simulation.camera_thread import CameraThread


def test_while_a_picture_is_drawn_only_the_newest_snapshot_waits():
    drawing, go_on, seen, done = threading.Event(), threading.Event(), [], threading.Event()

    def render(snapshot):
        drawing.set()
        assert go_on.wait(10.0)
        return snapshot

    def deliver(frame):
        seen.append(frame)
        if frame == 4:
            done.set()

    camera = CameraThread(render, deliver)
    camera.offer(1)
    assert drawing.wait(10.0)
    for snapshot in (2, 3, 4):
        camera.offer(snapshot)
    go_on.set()
    assert done.wait(10.0)
    camera.close()
    assert seen == [1, 4]
    assert camera.frames == 2


def test_a_renderer_that_fails_ends_the_thread_and_says_why():
    def render(snapshot):
        raise RuntimeError("no GL")

    camera = CameraThread(render, lambda frame: None)
    camera.offer(1)
    camera.wait_for_frame(10.0)
    assert str(camera.error) == "no GL"
    camera.offer(2)
    camera.close()


def test_closing_twice_is_fine():
    camera = CameraThread(lambda s: s, lambda f: None)
    camera.close()
    camera.close()
    assert camera.error is None
