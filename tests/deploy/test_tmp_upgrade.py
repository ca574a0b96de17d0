from tests.deploy.test_install import *
def test_up(machine, published):
    machine.repository.release("v1.1", published("v1.1").files)
    done = machine.install()
    assert done.returncode == 0, done.stderr
    up = machine.run("bash", "-c", f"cd {machine.root}; .venv/bin/pixelwise upgrade v1.1")
    print(up.stderr, up.returncode, machine.env.stat().st_uid, machine.user())
    print((machine.fake / "log").read_text()[-1500:])
    assert 0
