"""Corners that Docker's own command line tests look into."""

from support.differential.judge import Judge
from support.differential.lines import cases
from support.differential.steps import Case

RUN = "run --rm"

CASES = cases(rf"""
{RUN} -u 2147483648 <image> true ;; {RUN} -u -1 <image> true ;; {RUN} -u 1001 <image> id -u ;; {RUN} -u 0 <image> id -un
{RUN} -v /tmp:/tmp -v <v>:/tmp <image> true ;; {RUN} -v <v>:/x -v /tmp:/x <image> true ;; {RUN} -v /:/host <image> ls -d /host/etc ;; {RUN} -v /tmp:/ <image> true
{RUN} --cpuset-cpus 1-99 <image> true ;; {RUN} --cpuset-cpus 1,3-,5 <image> true ;; {RUN} --cpuset-mems 99 <image> true ;; {RUN} --cpuset-mems 1-x <image> true ;; {RUN} -c 1 <image> true ;; {RUN} -c -1 <image> true ;; {RUN} -c 99999999 <image> true
{RUN} -m 1m <image> true ;; {RUN} -m 16m --memory-swap 15m <image> true ;; {RUN} --memory-swap 16m <image> true ;; {RUN} --memory-swappiness 101 <image> true ;; {RUN} --memory-reservation 1m -m 16m <image> true ;; {RUN} --memory-reservation 32m -m 16m <image> true ;; {RUN} --kernel-memory 1m <image> true
{RUN} --cpus 0.01 <image> true ;; {RUN} --cpus 9999 <image> true ;; {RUN} --cpus -1 <image> true ;; {RUN} --cpus 1 --cpu-quota 5000 <image> true ;; {RUN} --cpu-quota 1 <image> true ;; {RUN} --cpu-period 1 <image> true ;; {RUN} --pids-limit 0 <image> true ;; {RUN} --pids-limit -5 <image> true
{RUN} --oom-score-adj 1001 <image> true ;; {RUN} --oom-score-adj -1001 <image> true ;; {RUN} --oom-score-adj 500 <image> cat /proc/self/oom_score_adj ;; {RUN} --oom-kill-disable <image> true
{RUN} --blkio-weight 5 <image> true ;; {RUN} --blkio-weight 1001 <image> true ;; {RUN} --blkio-weight-device /dev/nosuch:500 <image> true ;; {RUN} --device-read-bps /dev/nosuch:1m <image> true ;; {RUN} --device-write-iops /dev/null:-1 <image> true
{RUN} --security-opt no-new-privileges <image> grep NoNewPrivs /proc/self/status ;; {RUN} --security-opt no-new-privileges:x <image> true ;; {RUN} --security-opt nosuch=x <image> true ;; {RUN} --security-opt seccomp=unconfined <image> grep Seccomp: /proc/self/status ;; {RUN} --security-opt label=disable <image> true ;; {RUN} --security-opt apparmor=nosuch-profile <image> true ;; {RUN} --security-opt systempaths=unconfined <image> true ;; {RUN} --security-opt seccomp=/etc/hostname <image> true
{RUN} --health-cmd true --health-interval 1us <image> true ;; {RUN} --health-retries -1 --health-cmd x <image> true ;; {RUN} --health-timeout 1us --health-cmd x <image> true ;; {RUN} --health-start-period -1s --health-cmd x <image> true ;; {RUN} --health-start-interval 1us --health-cmd x <image> true
{RUN} --log-driver nosuch <image> true ;; {RUN} --log-opt nosuch=1 <image> true ;; {RUN} --log-opt max-size=x <image> true ;; {RUN} --log-opt max-file=0 <image> true ;; {RUN} --log-opt mode=x <image> true ;; {RUN} --log-opt max-buffer-size=1m <image> true ;; {RUN} --log-driver local --log-opt env=A <image> true
{RUN} --runtime nosuch <image> true ;; {RUN} --isolation default <image> true ;; {RUN} --isolation hyperv <image> true ;; {RUN} --stop-signal NOSUCH <image> true ;; {RUN} --stop-timeout -1 <image> true ;; {RUN} --storage-opt size=1g <image> true ;; {RUN} --storage-opt nosuch=1 <image> true
{RUN} --expose 0 <image> true ;; {RUN} --expose 65536 <image> true ;; {RUN} --expose 90-80 <image> true ;; {RUN} --expose 80/x <image> true ;; {RUN} -p 0:80 <image> true ;; {RUN} -p 80:99999 <image> true ;; {RUN} -p 1.2.3.4.5:80:80 <image> true ;; {RUN} -p 8000-8010:80-81 <image> true ;; {RUN} -p x:80:80 <image> true ;; {RUN} -p '' <image> true
~run -d --name <a> -p 127.0.0.1:18951:80 <image> sleep 1000 ;; {RUN} --name <c> -p 127.0.0.1:18951:80 <image> true ;; run -d --name <b> -p 127.0.0.1:18951:80 <image> true ;; ps -a --filter name=<b> --format '{{{{.Status}}}}' ;; inspect -f '{{{{.State.ExitCode}}}}' <b>
~run -d --name <a> --expose 80-82 -P <image> sleep 1000 ;; inspect -f '{{{{len .NetworkSettings.Ports}}}}' <a> ;; port <a> 83
{RUN} -l a=b -l c -l =x <image> true ;; {RUN} --label-file /nosuch <image> true ;; {RUN} -l a=b=c <image> true ;; {RUN} --annotation a=b <image> true ;; {RUN} --annotation a <image> true ;; {RUN} --annotation =b <image> true
{RUN} --link a:b:c <image> true ;; {RUN} --link : <image> true ;; {RUN} --volumes-from a:b:c <image> true ;; {RUN} --net host --link a:b <image> true ;; {RUN} --net host -h named <image> hostname ;; {RUN} --net host -p 80:80 <image> true
{RUN} <image> sh -c 'cat /proc/self/attr/current >/dev/null 2>&1; mount -t tmpfs none /mnt' ;; {RUN} <image> sh -c 'echo 1 > /proc/sys/kernel/shmmax' ;; {RUN} <image> sh -c 'cat /proc/kcore' ;; {RUN} <image> sh -c 'ls /proc/acpi 2>&1 | wc -l; ls /sys/firmware | wc -l' ;; {RUN} <image> mknod /x b 8 0 ;; {RUN} --cap-drop mknod <image> mknod /x c 1 3 ;; {RUN} <image> sh -c 'unshare -n true'
{RUN} <image> sh -c 'cat /proc/1/cmdline | tr "\0" " "; ps -o pid,comm | tail -n +2 | head -1' ;; {RUN} <image> sh -c 'umask; pwd; ls -ld /proc /dev/shm /dev/pts /sys | cut -c1-10' ;; {RUN} <image> sh -c 'ls /dev | grep -v core | sort | tr "\n" " "'
{RUN} <image> sh -c 'ls -l /proc/self/fd | wc -l' ;; {RUN} -i <image> sh -c 'ls -l /proc/self/fd | wc -l' ;; {RUN} -t <image> sh -c 'ls -l /dev/console | cut -c1; ls /dev | grep -vc core'
create <image> nosuchcommand x y ;; create --name <c> -t -i <image> sh ;; start <c> ;; exec <c> nosuchcommand ;; rm <c> ;; rm -f <c>
~run -d --name <a> <image> sleep 1000 ;; exec -w /nosuch/dir <a> pwd ;; exec -u 9999:9999 <a> id ;; exec -u nosuch:nosuch <a> id ;; exec <a> sh -c 'exit 126' ;; exec <a> sh -c 'exit 255' ;; exec <a> /etc/passwd ;; exec <a> /nosuch/x ;; exec -e A <a> env
""")


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
