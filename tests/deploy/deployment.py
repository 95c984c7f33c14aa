"""Four organisations on compose/docker-compose.yml, in an engine of the
tests' own (engine.py)."""
import base64
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import time

import net

ORGS = tuple(f"org{i + 1}" for i in range(int(os.environ.get("WARREN_ORGS", "4"))))
# What holds data, what holds keys, what holds nothing.
KINDS = ("consensus", "mempool", "p2p", "store", "ledger", "signer", "api", "ingress")
HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = "warrentest"


# ---- the image ----

def image_tree(top):
    """What compose/Dockerfile's first stage makes, from what make has built."""
    dirs = {os.path.join("warren", "usr", "bin"): [net.WARREN],
            os.path.join("warren", "usr", "libexec", "warren"): glob.glob(os.path.join(net.BUILD, "libexec", "warren", "*")),
            os.path.join("ingress", "usr", "sbin"): [shutil.which("haproxy")],
            os.path.join("out", "usr", "bin"): [shutil.which("prometheus")]}
    for name, programs in dirs.items():
        target = os.path.join(top, name)
        os.makedirs(target)
        for p in programs:
            shutil.copy(p, target)
        if name.startswith("warren"):
            subprocess.run(["strip", *glob.glob(os.path.join(target, "*"))], check=True)
    os.makedirs(os.path.join(top, "ingress", "etc"))
    shutil.copy(os.path.join(net.ROOT, "compose", "haproxy.cfg"), os.path.join(top, "ingress", "etc"))
    os.mkdir(os.path.join(top, "out", "prometheus"))
    os.chmod(os.path.join(top, "out", "prometheus"), 0o777)
    for root in ("warren", "ingress", "out"):
        programs = [os.path.join(d, f) for d, _, files in os.walk(os.path.join(top, root, "usr")) for f in files]
        subprocess.run([os.path.join(net.ROOT, "tools", "image-root"), os.path.join(top, root), *programs], check=True)


def make_images(engine, tag):
    """TAG, TAG-ingress and TAG-prometheus: the last stages of compose/Dockerfile on this
    machine's own build, which takes seconds where a build in containers takes
    minutes (that one is `make image`)."""
    top = net.tempdir()
    image_tree(top)
    with open(os.path.join(net.ROOT, "compose", "Dockerfile")) as f:
        stages = f.read()
    last = re.findall(r"^FROM (?:scratch|warren) AS .*?(?=^FROM |\Z)", stages, re.M | re.S)
    with open(os.path.join(top, "Dockerfile"), "w") as f:
        f.write("FROM scratch AS build\nCOPY warren /warren\nCOPY ingress /ingress\n"
                "FROM scratch AS prometheus-build\nCOPY out /out\n" + "".join(last))
    for target, name in (("warren", tag), ("ingress", f"{tag}-ingress"), ("prometheus", f"{tag}-prometheus")):
        engine.run("docker", "build", "-q", "--target", target, "-t", name, top)


def next_image(engine, old, new):
    """The same programs under another name and digest: an upgrade."""
    top = net.tempdir()
    for end in ("", "-ingress"):
        with open(os.path.join(top, "Dockerfile"), "w") as f:
            f.write(f"FROM {old}{end}\nLABEL release={new}\n")
        engine.run("docker", "build", "-q", "-t", f"{new}{end}", top)


# ---- the network ----

class Org:
    """One organisation as its users see it: by its ingress."""

    def __init__(self, name, home, port):
        self.name, self.home, self.port = name, home, port
        self.rpc = net.Rpc(port)

    def height(self):
        return self.rpc.height()

    def moves(self, by=2, seconds=60):
        """It decides more blocks."""
        start = []

        def more():
            start.append(self.height())
            return start[-1] >= start[0] + by

        return net.wait_until(more, seconds, 0.1)

    def key(self, name):
        """The secret of a key file, in the forms it may be seen in."""
        with open(os.path.join(self.home, name), "rb") as f:
            text = f.read().strip()
        if len(text) == 40:
            return [text, _z85(text)]
        secret = json.loads(text)["priv_key"]
        secret = secret["value"] if isinstance(secret, dict) else secret
        return [secret.encode(), base64.b64decode(secret)[:32], base64.b64decode(secret)[:32].hex().encode()]


def _z85(text):
    import zmq.utils.z85
    return zmq.utils.z85.decode(text)


class Deployment:
    """The network of compose/, and what can be done to it."""

    def __init__(self, engine, image, *testnet):
        self.engine, self.image = engine, image
        self.dir = os.path.join(net.tempdir(), "compose")
        net.warren("testnet", "--layout", "compose", "--v", str(len(ORGS)), "--o", self.dir, *testnet)
        shutil.copytree(os.path.join(net.ROOT, "compose", "monitoring"), os.path.join(self.dir, "monitoring"))
        subprocess.run([os.path.join(net.ROOT, "tools", "gen-compose"), str(len(ORGS)), self.dir], check=True)
        os.chmod(os.path.dirname(self.dir), 0o755)
        os.chmod(self.dir, 0o755)
        ports = self.config()["services"]
        self.orgs = [Org(o, os.path.join(self.dir, o), _published(ports[f"{o}-ingress"])) for o in ORGS]

    def compose(self, *args, **more):
        return self.engine.run("docker-compose", "--project-directory", self.dir, "-f", os.path.join(self.dir, "docker-compose.yml"), "-p", PROJECT, *args,
                               env={"WARREN_IMAGE": self.image}, **more).stdout

    def config(self):
        """The compose file as docker-compose understands it."""
        import yaml
        return yaml.safe_load(self.compose("config"))

    def up(self, *args):
        self.compose("up", "-d", "--no-build", *args, timeout=900)

    def down(self):
        self.compose("down", "-v", "--remove-orphans", "-t", "5", check=False, timeout=900)

    def rest(self):
        """What an engine that lost count of endpoints let compose leave behind; why some of it stays."""
        return self.engine.run(os.path.join(net.ROOT, "tools", "compose"), "rest", check=False, env={"COMPOSE_PROJECT_NAME": PROJECT}).stderr

    # ---- containers ----

    def names(self, *service):
        """Of the containers of services, or of all."""
        filters = [f"label=com.docker.compose.service={s}" for s in service] or [f"label=com.docker.compose.project={PROJECT}"]
        return sorted(n for f in filters for n in self.engine.docker("ps", "-a", "--filter", f, "--format", "{{.Names}}").split())

    def inspect(self, *names):
        """{name: what docker inspect says}"""
        names = names or self.names()
        return {c["Name"].lstrip("/"): c for c in json.loads(self.engine.docker("inspect", *names))}

    def lives(self):
        """{name: what changes when a container is started again}"""
        return {n: (c["Id"], c["State"]["StartedAt"], c["RestartCount"], c["State"]["Running"]) for n, c in self.inspect().items()}

    @contextlib.contextmanager
    def only(self, what, *touched):
        """No container but these is started again while the body runs."""
        before = self.lives()
        yield
        after = self.lives()
        net.check_eq(sorted(n for n in before if n not in touched and before[n] != after.get(n)), [], f"{what}: containers that did not stay")

    def inside(self, name, question, pid=None):
        """inside.py's answer from a container."""
        pid = pid or self.inspect(name)[name]["State"]["Pid"]
        r = self.engine.enter("/usr/bin/python3", os.path.join(HERE, "inside.py"), str(pid), input=json.dumps(question))
        return json.loads(r)

    def kill_process(self, name):
        """End a container's process as a crash would, so that the restart
        policy sees it; docker kill counts as a wish."""
        self.engine.enter("kill", "-9", str(self.inspect(name)[name]["State"]["Pid"]))

    def dying(self, since):
        """{name: seconds from the first signal to the end}, by the engine's clock"""
        text = self.engine.docker("events", "--since", f"{since:.3f}", "--until", f"{time.time():.3f}", "--filter", "event=kill", "--filter", "event=die",
                                  "--format", "{{.TimeNano}} {{.Action}} {{.Actor.Attributes.name}}")
        began, out = {}, {}
        for at, what, name in map(str.split, text.splitlines()):
            if what == "kill":
                began.setdefault(name, int(at))
            elif name in began:
                out[name] = (int(at) - began.pop(name)) / 1e9
        return out

    def wait_running(self, names, seconds=60):
        return net.wait_until(lambda: all(c["State"]["Running"] for c in self.inspect(*names).values()), seconds, 0.2)

    def wait_healthy(self, seconds=120):
        def healthy():
            return all(c["State"].get("Health", {"Status": "healthy"})["Status"] == "healthy" for c in self.inspect().values())
        return net.wait_until(healthy, seconds, 0.5)

    def whole(self, what, seconds=90):
        """All organisations commit at one height."""
        top = max(o.height() for o in self.orgs if _answers(o))
        late = [o.name for o in self.orgs if not net.wait_until(lambda o=o: o.height() >= top + 2, seconds, 0.1)]
        return net.check_eq(late, [], f"{what}: organisations that stay behind height {top + 2}")

    def logs(self, name, lines=20):
        r = self.engine.run("docker", "logs", "--tail", str(lines), name, check=False)
        return r.stdout[-3000:] + r.stderr[-3000:]


def _answers(org):
    try:
        return org.height() > 0
    except Exception:  # noqa: BLE001 - it does not
        return False


def _published(service):
    """The port of this machine that leads to a service."""
    [port] = service["ports"]
    if isinstance(port, dict):
        return int(port["published"])
    return int(re.fullmatch(r"(?:.*:)?(\d+):\d+(?:/tcp)?", port).group(1))


class Clock:
    """Says how long each step took."""

    def __init__(self):
        self.at = self.began = time.monotonic()

    def __call__(self, what):
        now = time.monotonic()
        print(f"{now - self.began:6.1f} s  {now - self.at:5.1f} s  {what}", flush=True)
        self.at = now


