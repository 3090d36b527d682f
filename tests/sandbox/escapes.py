"""Programs that try to get out of a sandbox, use it up, or leave something behind, and what must come of each."""

PRELUDE = """
import ctypes, gc, os, resource, signal, socket, sys, threading, time
def attempt(action):
    try:
        print("escaped:", action())
    except BaseException as error:
        print(type(error).__name__)
def system_call(*arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(*[ctypes.c_long(argument) for argument in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result
"""

READING = {
    "passwords": ("open('/etc/passwd').read()", "FileNotFoundError"),
    "shadow": ("open('/etc/shadow').read()", "FileNotFoundError"),
    "host_names": ("open('/etc/hosts').read()", "FileNotFoundError"),
    "home_of_root": ("os.listdir('/root')", "FileNotFoundError"),
    "homes": ("os.listdir('/home')", "FileNotFoundError"),
    "environment_of_process_1": ("open('/proc/1/environ').read()", "FileNotFoundError"),
    "own_descriptors": ("os.listdir('/proc/self/fd')", "FileNotFoundError"),
    "memory_by_proc": ("open('/proc/self/mem', 'r+b')", "FileNotFoundError"),
    "processes": ("os.listdir('/proc')", "FileNotFoundError"),
    "kernel_parameters": ("open('/proc/sys/kernel/hostname', 'w')", "FileNotFoundError"),
    "kernel_objects": ("os.listdir('/sys')", "FileNotFoundError"),
    "block_device": ("open('/dev/vda', 'rb').read(512)", "FileNotFoundError"),
    "memory_device": ("open('/dev/mem', 'rb')", "FileNotFoundError"),
    "kernel_log": ("open('/dev/kmsg')", "FileNotFoundError"),
    "terminal": ("open('/dev/tty')", "FileNotFoundError"),
    "mathmill": ("__import__('mathmill')", "ModuleNotFoundError"),
    "other_packages": ("__import__('torch')", "ModuleNotFoundError"),
    "fork_servers_files": ("open(sys.modules['inside.run'].__file__)", "FileNotFoundError"),
    "file_of_the_evaluator": ("open({secret!r}).read()", "FileNotFoundError"),
    "checkout": ("os.listdir({checkout!r})", "FileNotFoundError"),
    "dots": ("open('../../../../etc/passwd')", "FileNotFoundError"),
    "symbolic_link": ("(os.symlink('/etc/passwd', 'out'), open('out').read())", "FileNotFoundError"),
    "link_to_a_folder": ("(os.symlink('/', 'top'), os.listdir('top/etc'))", "FileNotFoundError"),
    "hard_link": ("os.link('/python/bin/python', 'python')", "OSError"),
    "user_database": ("__import__('pwd').getpwuid(0)", "KeyError"),
}
"""Expressions that must raise the error."""

WRITING = {
    "root_folder": ("open('/left', 'w')", "OSError"),
    "interpreter": ("open('/python/bin/python', 'r+b')", "OSError"),
    "standard_library": ("open(os.__file__, 'a')", "OSError"),
    "packages": ("open('/packages/sympy/__init__.py', 'a')", "OSError"),
    "removing_a_library": ("os.unlink('/packages/numpy/__init__.py')", "OSError"),
    "moving_the_packages": ("os.rename('/packages', 'packages')", "OSError"),
    "mode_of_the_interpreter": ("os.chmod('/python/bin/python', 0o4755)", "OSError"),
    "devices": ("open('/dev/left', 'w')", "OSError"),
    "making_a_device": ("os.mknod('disk', 0o60600, os.makedev(8, 0))", "PermissionError"),
    "making_a_pipe_file": ("os.mkfifo('pipe')", "PermissionError"),
    "owner": ("os.chown('.', 0, 0)", "PermissionError"),
    "attributes": ("os.setxattr('.', 'user.a', b'1')", "PermissionError"),
    "huge_file": ("open('a', 'wb').write(bytes(2**22))", "OSError"),
    "sparse_file": ("open('a', 'wb').truncate(2**40)", "OSError"),
    "many_large_files": ("[open(str(i), 'wb').write(bytes(2**18)) for i in range(50)]", "OSError"),
    "many_files": ("[open(str(i), 'w').close() for i in range(5000)]", "OSError"),
    "many_folders": ("[os.mkdir(str(i)) for i in range(5000)]", "OSError"),
    "shared_memory": ("open('/dev/shm/a', 'wb').write(bytes(2**22))", "OSError"),
    "many_descriptors": ("[open('/dev/null') for _ in range(5000)]", "OSError"),
    "many_pipes": ("[os.pipe() for _ in range(5000)]", "OSError"),
}

NETWORK = {
    "internet": ("socket.socket(socket.AF_INET)", "PermissionError"),
    "internet_6": ("socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)", "PermissionError"),
    "raw": ("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "PermissionError"),
    "unix": ("socket.socket(socket.AF_UNIX)", "PermissionError"),
    "netlink": ("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "PermissionError"),
    "packets": ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "PermissionError"),
    "virtual_machine": ("socket.socket(socket.AF_VSOCK)", "PermissionError"),
    "kernel_cryptography": ("socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)", "PermissionError"),
    "evaluators_port": ("socket.create_connection(('127.0.0.1', {port}), 1)", "PermissionError"),
    "names": ("socket.getaddrinfo('localhost', 80)", "gaierror"),
    "pages": ("__import__('urllib.request').request.urlopen('http://127.0.0.1:{port}', timeout=1)", "URLError"),
    "abstract_socket": (
        "socket.socketpair(type=socket.SOCK_DGRAM)[0].sendto(b'x', chr(0) + {abstract!r})",
        "ConnectionRefusedError",
    ),
    "pair_of_internet_sockets": ("socket.socketpair(socket.AF_INET)", "PermissionError"),
}

PRIVILEGES = {
    "becoming_root": ("os.setuid(0)", "PermissionError"),
    "group_of_root": ("os.setgid(0)", "PermissionError"),
    "other_groups": ("os.setgroups([0])", "PermissionError"),
    "new_root": ("os.chroot('.')", "PermissionError"),
    "priority": ("os.nice(-5)", "PermissionError"),
    "real_time": ("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", "PermissionError"),
    "other_processors": ("os.sched_setaffinity(0, [0])", "PermissionError"),
    "another_program": ("os.execv('/python/bin/python', ['python', '-c', 'print(1)'])", "PermissionError"),
    "a_shell": ("__import__('subprocess').run('id', shell=True)", "PermissionError"),
    "a_library_of_its_own": (
        "(open('a.so', 'wb').write(open(__import__('_ctypes').__file__, 'rb').read()), ctypes.CDLL('./a.so'))",
        "OSError",
    ),
    "more_cpu_time": ("resource.setrlimit(resource.RLIMIT_CPU, (99, 99))", "ValueError"),
    "more_memory": ("resource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "ValueError"),
    "more_processes": ("resource.setrlimit(resource.RLIMIT_NPROC, (999, 999))", "ValueError"),
    "larger_files": ("resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))", "ValueError"),
    "core_dumps": ("resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))", "ValueError"),
    "host_name": ("socket.sethostname('mine')", "PermissionError"),
    "clock": ("time.clock_settime(time.CLOCK_REALTIME, 0)", "PermissionError"),
    "every_process": ("os.kill(-1, signal.SIGKILL)", "ProcessLookupError"),
    "other_processes": ("os.kill(2, signal.SIGKILL)", "ProcessLookupError"),
    "handle_on_a_process": ("os.pidfd_open(1)", "PermissionError"),
    "fork_servers_own_functions": ("sys.modules['inside.namespaces'].fork(None)", "PermissionError"),
    "fork_servers_own_mount": ("sys.modules['inside.namespaces']._unshare(0x20000)", "PermissionError"),
}

SYSTEM_CALLS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "setns": (308, 268),
    "seccomp": (317, 277),
    "prctl": (157, 167),
    "capset": (126, 91),
    "personality": (135, 92),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "landlock_create_ruleset": (444, 444),
}
"""Numbers on x86_64 and aarch64 of calls that must be refused."""

EXHAUSTION = {
    "fork_bomb": ("while True: os.fork()", {"error", "timed_out"}),
    "fork_bomb_that_goes_on": (
        "while True:\n try: os.fork()\n except OSError: time.sleep(0.01)",
        {"timed_out"},
    ),
    "thread_bomb": ("while True: threading.Thread(target=time.sleep, args=(60,)).start()", {"error", "timed_out"}),
    "bytearray": ("bytearray(2**40)", {"memory"}),
    "growing_list": ("a = [0]\nwhile True: a += a", {"memory"}),
    "growing_text": ("a = 'x'\nwhile True: a += a", {"memory"}),
    "power": ("print(10**10**8)", {"error", "memory", "timed_out"}),
    "tower": ("9**9**9**9", {"memory", "timed_out"}),
    "mapped_memory": ("__import__('mmap').mmap(-1, 2**40)", {"error", "memory"}),
    "array": ("__import__('numpy').ones(2**33)", {"error", "memory"}),
    "unpacking": ("import zlib\nzlib.decompress(zlib.compress(bytes(2**20)), bufsize=2**31 - 1)", {"memory"}),
    "memory_of_many_processes": (
        "[os.fork() for _ in range(2)]\na = [b'1' * 2**27]\ntime.sleep(60)",
        {"memory"},
    ),
    "recursion": ("f = lambda: f()\nf()", {"error"}),
    "recursion_without_limit": (
        "sys.setrecursionlimit(10**9)\nf = lambda x: f(repr(x))\nf(1)",
        {"killed", "memory", "timed_out"},
    ),
    "loop": ("while True: pass", {"timed_out"}),
    "loop_in_compiled_code": ("sum(range(10**14))", {"timed_out"}),
    "hopeless_pattern": ("__import__('re').match('(a+)+$', 'a' * 64 + 'b')", {"timed_out"}),
    "loop_that_catches_everything": (
        "while True:\n try:\n  while True: pass\n except BaseException: pass",
        {"timed_out"},
    ),
    "loop_that_ignores_signals": (
        (
            "for n in range(1, 65):\n try: signal.signal(n, signal.SIG_IGN)\n except (OSError, ValueError): pass\n"
            "while True: pass"
        ),
        {"timed_out"},
    ),
    "loop_in_a_thread": ("threading.Thread(target=lambda: sum(range(10**14))).start()", {"timed_out"}),
    "loop_at_exit": ("import atexit\natexit.register(lambda: sum(range(10**14)))", {"timed_out"}),
    "loop_in_a_destructor": (
        "class A:\n def __del__(self):\n  while True: pass\nA()",
        {"timed_out"},
    ),
    "endless_lines": ("while True: print('x' * 1000)", {"output_flood"}),
    "endless_errors": ("while True: print('x' * 1000, file=sys.stderr)", {"output_flood"}),
    "endless_raw_output": ("while True: os.write(1, bytes(10000))", {"output_flood"}),
    "one_long_line": ("print('x' * 10**6)", {"output_flood"}),
    "output_of_a_child": ("if not os.fork():\n while True: print('x' * 1000)\ntime.sleep(60)", {"output_flood"}),
    "crash": ("ctypes.string_at(0)", {"killed"}),
    "abort": ("os.abort()", {"killed"}),
    "second_system_call_table": ("ctypes.CDLL(None).syscall(0x40000000 + 39)", {"killed", "ok"}),
    "nested_source": ("exec('(' * 10**4)", {"error", "memory"}),
    "deep_source": ("exec('-' * 10**6 + '1')", {"error", "memory", "killed"}),
    "trace_function": ("sys.settrace(lambda *a: time.sleep(60))\n(lambda: 1)()", {"timed_out"}),
    "time_bomb": ("threading.Timer(0.2, lambda: os._exit(0)).start()\ntime.sleep(60)", {"ok"}),
}
"""Programs, and the outcomes of which there must be one."""

SLEEPING = {
    "sleep": "time.sleep(60)",
    "waiting_for_input": "import select\nselect.select([os.pipe()[0]], [], [])",
    "a_lock": "threading.Lock().acquire() and threading.Event().wait()",
    "a_thread_that_sleeps": "threading.Thread(target=time.sleep, args=(60,)).start()",
    "stopping_itself": "if not os.fork():\n os.kill(os.getpid(), signal.SIGSTOP)\nos.wait()",
}
"""Programs that do nothing for ever."""

LEFT_BEHIND = {
    "file": ("open('left', 'w').close()", "print(os.listdir('.'))", "[]"),
    "file_in_tmp": ("open('/tmp/left', 'w').close()", "print(os.listdir('/tmp'))", "[]"),
    "file_in_shared_memory": ("open('/dev/shm/left', 'w').close()", "print(os.listdir('/dev/shm'))", "[]"),
    "compiled_module": ("open('sympy.py', 'w').write('pi = 3')", "import sympy\nprint(sympy.pi)", "pi"),
    "orphan": (
        "if not os.fork():\n os.setsid()\n time.sleep(60)\nelse: os._exit(0)",
        "attempt(lambda: os.kill(-1, 0))",
        "ProcessLookupError",
    ),
    "orphan_of_an_orphan": (
        "if not os.fork():\n if not os.fork():\n  os.setsid()\n  time.sleep(60)\n os._exit(0)\nos.wait()",
        "attempt(lambda: os.kill(-1, 0))",
        "ProcessLookupError",
    ),
    "other_sympy": ("import sympy\nsympy.pi = 3\nsympy.solve = None", "import sympy\nprint(sympy.pi)", "pi"),
    "other_builtins": ("import builtins\nbuiltins.sum = lambda _: 13", "print(sum([1, 2]))", "3"),
    "other_modules": (
        "import math\nmath.sqrt = None\nsys.modules['json'] = None",
        "import json, math\nprint(math.sqrt(4))",
        "2.0",
    ),
    "import_hook": (
        "sys.meta_path[:] = []\nsys.path[:] = []",
        "import wave, fractions\nprint(fractions.Fraction(1, 2))",
        "1/2",
    ),
    "variable": ("answer = 41", "print('answer' in globals())", "False"),
    "environment": ("os.environ['LEFT'] = '1'\nos.putenv('LEFT', '1')", "print(os.getenv('LEFT'))", "None"),
    "random_state": ("import random\nrandom.random()", "import random\nprint(random.random())", "0.8444218515250481"),
    "signal_handler": (
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)",
        "True",
    ),
    "working_folder": ("os.chdir('/')", "print(os.getcwd())", "/scratch"),
    "mask": ("os.umask(0o777)", "open('a', 'w').close()\nprint(oct(os.stat('a').st_mode))", "0o100644"),
    "exit_function": ("import atexit\natexit.register(print, 'left')", "print('next')", "next"),
    "closed_streams": ("os.close(0), os.close(1), os.close(2)", "print('next')", "next"),
    "recursion_limit": ("sys.setrecursionlimit(50)", "print(sys.getrecursionlimit() > 900)", "True"),
    "collector": ("gc.disable()", "print(gc.isenabled())", "True"),
    "number_context": (
        "import decimal\ndecimal.getcontext().prec = 2",
        "import decimal\nprint(decimal.getcontext().prec)",
        "28",
    ),
    "digits_limit": ("sys.set_int_max_str_digits(640)", "print(len(str(10**1000)))", "1001"),
    "secret_in_memory": (
        "secret = 'sesame-' + 'opens'",
        "print(sum('sesame-' + 'opens' == o for o in gc.get_objects() if isinstance(o, str)))",
        "0",
    ),
    "watchdog": (
        "import faulthandler\nfaulthandler.dump_traceback_later(0.1, exit=True)",
        "time.sleep(0.3)\nprint('next')",
        "next",
    ),
    "alarm": ("signal.setitimer(signal.ITIMER_REAL, 0.1)", "time.sleep(0.3)\nprint('next')", "next"),
}
"""A program, the one after it, and what that one must print."""
