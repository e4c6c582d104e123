"""`docker run` and `docker create`: every flag with good and bad values, by what the container sees."""

from support.differential.judge import Judge
from support.differential.lines import cases
from support.differential.steps import Case

CASES = cases(r"""
run --rm <image> sh -c 'echo out; echo err >&2; exit 3'
run --rm -i <image> cat '<<<in\nput'
run --rm <image> cat <<<ignored
run --rm -i <image> sh -c 'read a; echo got $a' '<<<one\ntwo\n'
run --rm -a stdout <image> sh -c 'echo out; echo err >&2'
run --rm -a stderr <image> sh -c 'echo out; echo err >&2'
run --rm -a stdin -i <image> sh -c 'cat; echo err >&2' <<<x
run --rm -a stdin -a STDOUT -i <image> cat <<<x
run --rm -t <image> sh -c 'tty; stty size; echo err >&2'
run --rm -it <image> true
run --rm <image>
run --rm <image> nosuchcommand
run --rm <image> /etc/passwd
run --rm <image> /etc
run --rm <image> ''
run --rm <image> sh -c 'kill -9 $$'
run --rm <image> sh -c 'kill -TERM $$; sleep 1'
run --name <c> <image> false ;; ps -a --filter name=<c> --format '{{.Names}} {{.Command}}' ;; inspect -f '{{.State.ExitCode}} {{.State.Status}} {{.State.Error}}' <c>
run --name <c> <image> nosuchcommand ;; inspect -f '{{.State.ExitCode}} {{.State.Status}} {{.State.Error}}' <c>
run --name <c> <image> true ;; run --name <c> <image> true
run --name x <image> true
run --name -x <image> true
run --name 'a b' <image> true
run --name '' --rm <image> echo named anyhow
run --rm -e A=1 -e B= -e C -e D=a=b <image> sh -c 'echo "$A|${B-unset}|${C-unset}|$D"'
C=given run --rm -e C -e 'E=a b' <image> sh -c 'echo $C $E'
run --rm -e =x <image> true
run --rm -e '' <image> true
run --rm --env-file /dev/null <image> true
run --rm --env-file /nosuch <image> true
run --rm -e HOME=/h -e PATH=/bin -e HOSTNAME=x <image> env
run --rm -h name --domainname example.org <image> env
run --rm -t <image> env
run --rm -w /tmp <image> pwd
run --rm -w /new/deep <image> pwd
run --rm -w tmp <image> pwd
run --rm -w '' <image> pwd
run --rm -w /etc/passwd <image> pwd
run --rm -u 1 <image> id
run --rm -u 1:2 <image> id
run --rm -u nobody <image> id
run --rm -u nobody:0 <image> id
run --rm -u nosuch <image> id
run --rm -u 0:nosuch <image> id
run --rm -u 1234:1234 --group-add 5 --group-add 7 <image> id
run --rm --group-add nosuch <image> id
run --rm -u -1 <image> id
run --rm -u 99999999999 <image> id
run --rm --group-add -1 <image> id
run --rm -h my-host <image> hostname
run --rm -h my.host.name --domainname d <image> sh -c 'hostname; cat /proc/sys/kernel/domainname; grep my.host /etc/hosts'
run --rm -h -bad <image> hostname
run --rm -h toolongtoolongtoolongtoolongtoolongtoolongtoolongtoolongtoolongtoolong <image> hostname
run --rm --entrypoint echo <image> a b
run --rm --entrypoint '' <image> echo a
run --rm --entrypoint nosuch <image> a
run --rm --read-only <image> touch /x
run --rm --read-only --tmpfs /x <image> touch /x/y
run --rm --tmpfs /x:size=1m,mode=700,noexec <image> sh -c 'grep " /x " /proc/mounts; stat -c %a /x'
run --rm --tmpfs /x:bogus=1 <image> true
run --rm --tmpfs x <image> true
run --rm --tmpfs /x:rw,uid=5 <image> stat -c %u /x
run --rm --shm-size 1m <image> df -k /dev/shm
run --rm --shm-size 0 <image> df -k /dev/shm
run --rm --shm-size -1 <image> true
run --rm --shm-size x <image> true
run --rm --cap-drop ALL <image> grep Cap /proc/self/status
run --rm --cap-drop ALL --cap-add CHOWN --cap-add cap_kill <image> grep Cap /proc/self/status
run --rm --cap-add ALL --cap-drop mknod <image> grep CapEff /proc/self/status
run --rm --cap-add SYS_ADMIN,NET_ADMIN <image> true
run --rm --cap-add nosuch <image> true
run --rm --cap-drop nosuch <image> true
run --rm --cap-add '' <image> true
run --rm --privileged <image> grep Cap /proc/self/status
run --rm -u 1 --cap-add NET_ADMIN <image> grep Cap /proc/self/status
run --rm --ulimit nofile=100:200 <image> sh -c 'ulimit -n; ulimit -Hn'
run --rm --ulimit nofile=100 --ulimit core=0 <image> sh -c 'ulimit -n; ulimit -c'
run --rm --ulimit nosuch=1 <image> true
run --rm --ulimit nofile=200:100 <image> true
run --rm --ulimit nofile=1:2:3 <image> true
run --rm --ulimit nofile=x <image> true
run --rm --ulimit nofile <image> true
run --rm --ulimit nproc=500 <image> sh -c 'ulimit -u'
run --rm --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=70000 <image> sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax'
run --rm --sysctl kernel.hostname=x <image> true
run --rm --sysctl vm.swappiness=1 <image> true
run --rm --sysctl net.nosuch=1 <image> true
run --rm --sysctl x <image> true
run --rm --sysctl net.ipv4.ip_forward=0 --net host <image> true
run --rm --sysctl kernel.msgmax=70000 --ipc host <image> true
run --rm --init <image> sh -c 'cat /proc/1/comm'
run --rm --init -t <image> true
run --rm --device /dev/null:/dev/mynull <image> sh -c 'echo x > /dev/mynull && ls -l /dev/mynull | cut -c1-10'
run --rm --device /dev/zero:/dev/z:r <image> sh -c 'head -c 3 /dev/z | wc -c; echo > /dev/z'
run --rm --device /dev/nosuch <image> true
run --rm --device /dev/null:/dev/x:q <image> true
run --rm --device /etc/passwd <image> true
run --rm --device '' <image> true
run --rm --device a:b:c:d <image> true
run --rm --device-cgroup-rule 'c 1:3 rwm' <image> true
run --rm --device-cgroup-rule 'x 1:3 rwm' <image> true
run --rm --add-host a:1.2.3.4 --add-host b=::1 --add-host c=[::2] <image> sh -c 'tail -n 4 /etc/hosts | sort'
run --rm --add-host a:host-gateway <image> true
run --rm --add-host a:x <image> true
run --rm --add-host a <image> true
run --rm --add-host :1.2.3.4 <image> true
run --rm --dns 1.2.3.4 --dns-search example.com --dns-option ndots:9 <image> grep -v ^# /etc/resolv.conf
run --rm --dns 1.2.3.4 --dns-search . <image> grep -v ^# /etc/resolv.conf
run --rm --dns x <image> true
run --rm --dns-search a..b <image> true
run --rm --net host --dns 1.2.3.4 <image> grep -v ^# /etc/resolv.conf
run --rm --net none <image> sh -c 'ls /sys/class/net; cat /etc/hosts'
run --rm --net none -h me <image> cat /etc/hosts
run --rm --net nosuch <image> true
run --rm --net container:nosuch <image> true
run --rm --net container: <image> true
run --rm --net '' <image> true
run --rm --net none --link a:b <image> true
run --rm --net none -p 80:80 <image> true
run --rm --net host --mac-address 02:42:ac:11:00:99 <image> true
run --rm --net none --net bridge <image> true
run --rm --mac-address 02:42:ac:11:00:99 <image> cat /sys/class/net/eth0/address
run --rm --mac-address x <image> true
run --rm --ip 1.2.3.4 <image> true
run --rm --ip x <image> true
run --rm --ip6 x <image> true
run --rm --network-alias a <image> true
run --rm --link nosuch <image> true
run --rm --link nosuch:x <image> true
~run -d --name <a> <image> sleep 1000 ;; run --rm --name <b> --link <a>:b <image> sh -c 'env | grep ^B_'
~run -d --name <a> -e X=1 --expose 80 --expose 90/udp <image> sleep 1000 ;; run --rm --name <b> --link <a>:b <image> sh -c 'env | grep ^B_ | sort'
~run -d --name <a> <image> sleep 1000 ;; run --rm --net container:<a> <image> hostname ;; run --rm --net container:<a> -h x <image> true ;; run --rm --net container:<a> -p 1:1 <image> true ;; run --rm --net container:<a> --add-host a:1.1.1.1 <image> true ;; run --rm --net container:<a> --dns 1.1.1.1 <image> true ;; run --rm --net container:<a> --link <a> <image> true ;; run --rm --net container:<a> --expose 8 <image> true ;; run --rm --net container:<a> --mac-address 02:42:ac:11:00:99 <image> true
~run -d --name <a> <image> sleep 1000 ;; run --rm --pid container:<a> <image> sh -c 'ps -o comm | head -2' ;; run --rm --ipc container:<a> <image> true ;; run --rm --uts container:<a> <image> true ;; run --rm --userns container:<a> <image> true
~run -d --name <a> --ipc shareable <image> sh -c 'echo x > /dev/shm/f; sleep 1000' ;; run --rm --ipc container:<a> <image> ls /dev/shm ;; run --rm --ipc container:<a> --shm-size 1m <image> true
~create --name <a> <image> true ;; run --rm --net container:<a> <image> true ;; run --rm --pid container:<a> <image> true ;; run --rm --ipc container:<a> <image> true
run --rm --pid host <image> true
run --rm --pid x <image> true
run --rm --pid container: <image> true
run --rm --ipc x <image> true
run --rm --ipc none <image> ls /dev/shm
run --rm --ipc private <image> ls /dev/shm
run --rm --uts host <image> true
run --rm --uts host -h x <image> true
run --rm --uts x <image> true
run --rm --userns host <image> true
run --rm --userns x <image> true
run --rm --cgroupns host <image> true
run --rm --cgroupns private <image> cat /proc/self/cgroup
run --rm --cgroupns x <image> true
""")


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
