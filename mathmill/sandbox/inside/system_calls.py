"""The system calls that a program may make: all that Python, NumPy and SymPy need to compute, and no more.

Numbers are the kernel's, of <asm/unistd_64.h> and <asm-generic/unistd.h>.
"""

ALLOWED = """
# Descriptors and the files behind them
read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68; preadv 295 69; pwritev 296 70
open 2 -; openat 257 56; creat 85 -; close 3 57; close_range 436 436; lseek 8 62; fcntl 72 25; flock 73 32
dup 32 23; dup2 33 -; dup3 292 24; pipe 22 -; pipe2 293 59; copy_file_range 326 285; sendfile 40 71
fadvise64 221 223; ftruncate 77 46; truncate 76 45; fallocate 285 47; fsync 74 82; fdatasync 75 83
# Folders and names
stat 4 -; fstat 5 80; lstat 6 -; newfstatat 262 79; statx 332 291; access 21 -; faccessat 269 48
faccessat2 439 439; getdents64 217 61; getcwd 79 17; chdir 80 49; fchdir 81 50; mkdir 83 -; mkdirat 258 34
rmdir 84 -; rename 82 -; renameat 264 38; renameat2 316 276; unlink 87 -; unlinkat 263 35; link 86 -
linkat 265 37; symlink 88 -; symlinkat 266 36; readlink 89 -; readlinkat 267 78; chmod 90 -; fchmod 91 52
fchmodat 268 53; utimensat 280 88; statfs 137 43; fstatfs 138 44; umask 95 166
# Memory
mmap 9 222; munmap 11 215; mprotect 10 226; mremap 25 216; msync 26 227; madvise 28 233; brk 12 214
# Waiting for descriptors; pairs of sockets
select 23 -; pselect6 270 72; poll 7 -; ppoll 271 73; epoll_create 213 -; epoll_create1 291 20
epoll_ctl 233 21; epoll_wait 232 -; epoll_pwait 281 22; eventfd2 290 19; sendto 44 206; recvfrom 45 207
sendmsg 46 211; recvmsg 47 212; shutdown 48 210; getsockopt 55 209; setsockopt 54 208; getsockname 51 204
getpeername 52 205
# Processes and threads
fork 57 -; vfork 58 -; wait4 61 260; waitid 247 95; exit 60 93; exit_group 231 94; getpid 39 172
getppid 110 173; gettid 186 178; getpgrp 111 -; getpgid 121 155; setpgid 109 154; getsid 124 156
setsid 112 157; futex 202 98; set_robust_list 273 99; get_robust_list 274 100; rseq 334 293; membarrier 324 283
set_tid_address 218 96; arch_prctl 158 -; sched_yield 24 124; sched_getaffinity 204 123; sched_getparam 143 121
sched_getscheduler 145 120; sched_get_priority_max 146 125; sched_get_priority_min 147 126
# Signals
kill 62 129; tkill 200 130; tgkill 234 131; rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139
rt_sigpending 127 136; rt_sigsuspend 130 133; rt_sigtimedwait 128 137; sigaltstack 131 132
restart_syscall 219 128; pause 34 -; alarm 37 -
# Time
setitimer 38 103; getitimer 36 102; nanosleep 35 101; clock_nanosleep 230 115; clock_gettime 228 113
clock_getres 229 114; gettimeofday 96 169; time 201 -; times 100 153
# Asking
getuid 102 174; geteuid 107 175; getgid 104 176; getegid 108 177; getresuid 118 148; getresgid 120 150
getgroups 115 158; getrusage 98 165; getrlimit 97 163; setrlimit 160 164; prlimit64 302 261; getrandom 318 278
getcpu 309 168; sysinfo 99 179; uname 63 160
"""
"""Name, number on x86_64 and number on aarch64 of each; a dash: the machine has no such call."""

CHECKED = "clone 56 220; ioctl 16 29; socketpair 53 199"
"""Those that are allowed with some arguments only (`mathmill.sandbox.inside.seccomp`)."""

ABSENT = "clone3 435 435"
"""Those that a C library is told are not there, so that it takes another: `clone3` hides its flags from a filter."""

MACHINES = ("x86_64", "aarch64")
"""What `os.uname` calls them."""


def numbers(table: str, machine: str) -> dict[str, int]:
    """Name and number of the calls in a table that the machine has."""
    rows = [line for line in table.splitlines() if not line.startswith("#")]
    entries = [entry.split() for row in rows for entry in row.split(";") if entry.strip()]
    column = 1 + MACHINES.index(machine)
    return {entry[0]: int(entry[column]) for entry in entries if entry[column] != "-"}
