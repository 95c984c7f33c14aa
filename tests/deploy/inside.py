"""What a process sees from inside its container, where no program of ours is.

    inside.py PID < QUESTION.json > ANSWER.json

{"secrets": {NAME: [HEX, ...]}, "image": WITH_IMAGE} looks through every file,
{"connect": [[IP, PORT], ...]} tries each, {"get": [PORT, PATH]} asks the
process by HTTP.
"""
import ctypes
import http.client
import json
import os
import selectors
import socket
import stat
import sys

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
CONNECT_SECONDS = 1.0
_libc = ctypes.CDLL(None, use_errno=True)


def enter(pid, kinds):
    """Become part of the process's namespaces."""
    files = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), flag) for name, flag in kinds]
    for fd, flag in files:
        if _libc.setns(fd, flag) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def listening(pid):
    """Ports that anybody who reaches the container can try."""
    out = set()
    for name in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{name}") as f:
            for line in f.readlines()[1:]:
                words = line.split()
                address, port = words[1].split(":")
                if words[3] == "0A" and not address.endswith("7F"):
                    out.add(int(port, 16))
    return sorted(out)


def places():
    """(path, what it is) of all but what the kernel makes up."""
    for top, dirs, files in os.walk("/"):
        if top == "/":
            dirs[:] = [d for d in dirs if d not in ("proc", "sys")]
        for path in (top, *(os.path.join(top, name) for name in files)):
            what = os.lstat(path)
            if stat.S_ISDIR(what.st_mode) or stat.S_ISREG(what.st_mode):
                yield path, what


def found(secrets, with_image):
    """{secret: files that hold it}; the image's own are in every container."""
    wanted = [(name, bytes.fromhex(h)) for name, all_forms in secrets.items() for h in all_forms]
    image = os.lstat("/").st_dev
    out = {}
    for path, what in places():
        if not stat.S_ISREG(what.st_mode) or (what.st_dev == image and not with_image):
            continue
        with open(path, "rb") as f:
            text = f.read()
        for name, form in wanted:
            if form in text and path not in out.setdefault(name, []):
                out[name].append(path)
    return out


def writable(uid, gid):
    """What the process's user may write, without what lies below it."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    all_of_them = [p for p, _ in places() if os.access(p, os.W_OK)]
    return [p for p in all_of_them if os.path.dirname(p) not in all_of_them or p == "/"]


def look(pid, secrets, with_image):
    facts = status(pid)
    with open(f"/proc/{pid}/environ", "rb") as f:
        environment = f.read()
    answer = {"uid": facts["Uid"].split(), "gid": facts["Gid"].split(), "groups": facts["Groups"].split(),
              "new_privileges": facts["NoNewPrivs"] == "0", "capabilities": {k: facts[k] for k in facts if k.startswith("Cap")},
              "seccomp": facts["Seccomp"], "listening": listening(pid),
              "environment": [name for name, forms in secrets.items() if any(bytes.fromhex(h) in environment for h in forms)]}
    enter(pid, [("mnt", CLONE_NEWNS)])
    answer["secrets"] = found(secrets, with_image)
    answer["writable"] = writable(int(answer["uid"][0]), int(answer["gid"][0]))
    return answer


def connect(pid, targets):
    """Those of [ip, port] that let us in."""
    enter(pid, [("net", CLONE_NEWNET)])
    reached, waiting = [], selectors.DefaultSelector()
    for target in targets:
        s = socket.socket()
        s.setblocking(False)
        if s.connect_ex(tuple(target)) in (0, 115):  # EINPROGRESS
            waiting.register(s, selectors.EVENT_WRITE, target)
        else:
            s.close()
    while waiting.get_map():
        ready = waiting.select(CONNECT_SECONDS)
        if not ready:
            break
        for key, _ in ready:
            if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                reached.append(key.data)
            waiting.unregister(key.fileobj)
            key.fileobj.close()
    return sorted(reached)


def get(pid, port, path):
    enter(pid, [("net", CLONE_NEWNET)])
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    c.request("GET", path)
    r = c.getresponse()
    return [r.status, r.read().decode()]


def main():
    pid, question = int(sys.argv[1]), json.load(sys.stdin)
    if "secrets" in question:
        answer = look(pid, question["secrets"], question["image"])
    elif "connect" in question:
        answer = connect(pid, question["connect"])
    else:
        answer = get(pid, *question["get"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
