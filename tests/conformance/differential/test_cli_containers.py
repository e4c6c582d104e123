"""Command lines about one container's life: good and bad, what they print and what is then so."""

from support.differential.judge import Judge
from support.differential.lines import cases
from support.differential.steps import Case

UP = "~run -d --name <a> <image> sh -c 'trap exit TERM; while :; do sleep 0.05; done' ;; "
IDLE = "~run -d --name <a> <image> sleep 1000 ;; "
DONE = "~run --name <a> <image> sh -c 'echo one; echo two; touch /d; rm /bin/cat' ;; "
MADE = "~create --name <a> <image> sh -c 'echo out; exit 4' ;; "

CASES = cases(rf"""
{MADE} start <a> ;; wait <a> ;; logs <a> ;; start -a <a> ;; ps -a --filter name=<a> --format '{{{{.Status}}}}'
{MADE} start -ai <a> ;; start -a <a> <a> ;; start -i <a> nosuch ;; start nosuch <a> ;; start
~create -i --name <a> <image> cat ;; start -ai <a> '<<<to the container' ;; start -i <a> <<<again
{IDLE} start <a> ;; stop -t 0 <a> ;; stop <a> ;; inspect -f '{{{{.State.ExitCode}}}} {{{{.State.Status}}}}' <a>
{UP} stop <a> ;; inspect -f '{{{{.State.ExitCode}}}} {{{{.State.Status}}}} {{{{.State.OOMKilled}}}}' <a>
{UP} stop -s KILL <a> ;; inspect -f '{{{{.State.ExitCode}}}}' <a>
{UP} stop -t -1 <a> ;; inspect -f '{{{{.State.ExitCode}}}}' <a>
{IDLE} stop -s NOSUCH <a> ;; stop --signal 99 <a> ;; stop -t x <a> ;; stop nosuch <a> -t 0 ;; stop
{IDLE} stop --time 0 <a> ;; restart --time 0 <a>
{UP} restart <a> ;; inspect -f '{{{{.State.Running}}}} {{{{.RestartCount}}}}' <a> ;; restart nosuch <a> ;; restart -t x <a> ;; restart -s NOSUCH <a> ;; restart
{MADE} restart <a> ;; wait <a>
{IDLE} kill <a> ;; inspect -f '{{{{.State.ExitCode}}}} {{{{.State.Status}}}}' <a> ;; kill <a> ;; kill nosuch ;; kill
{IDLE} kill -s TERM <a> ;; kill -s SIGUSR1 <a> ;; kill -s 0 <a> ;; kill -s '' <a> ;; kill -s nosuch <a> ;; kill -s 100 <a> ;; kill -s -1 <a> ;; kill --signal=9 <a>
{MADE} kill <a> ;; pause <a> ;; unpause <a> ;; top <a> ;; exec <a> true ;; attach <a> ;; port <a> ;; stop <a> ;; wait -x <a>
{IDLE} pause <a> ;; pause <a> ;; ps --filter name=<a> --format '{{{{.Status}}}} {{{{.State}}}}' ;; exec <a> true ;; attach <a> ;; rm <a> ;; unpause <a> ;; unpause <a> ;; pause nosuch <a> ;; unpause nosuch <a> ;; pause ;; unpause
{IDLE} pause <a> ;; stop -t 1 <a> ;; inspect -f '{{{{.State.ExitCode}}}} {{{{.State.Paused}}}}' <a>
{IDLE} pause <a> ;; kill <a> ;; restart -t 0 <a> ;; inspect -f '{{{{.State.Running}}}} {{{{.State.Paused}}}}' <a>
{IDLE} rm <a> ;; rm -f <a> ;; rm <a> ;; rm -f <a> ;; rm
{DONE} rm <a> nosuch ;; rm -v nosuch
{DONE} rm -l <a> ;; rm -l <a>/x ;; rm -fv <a>
~run -d --name <a> -v <v>:/v -v /anon <image> sleep 1000 ;; rm -fv <a> ;; volume ls -q --filter name=<v>
{IDLE} ~run -d --name <b> --link <a>:al <image> sleep 1000 ;; rm -l <b>/al ;; inspect -f '{{{{.HostConfig.Links}}}}' <b>
{IDLE} rename <a> <b> ;; inspect -f '{{{{.Name}}}}' <b> ;; rename <b> <b> ;; rename <a> <c> ;; rename nosuch <c> ;; rename <b> '' ;; rename <b> 'a b' ;; rename <b> -x ;; rename <b> ;; rename <b> /<c> ;; ps --filter name=<c> --format '{{{{.Names}}}}'
{IDLE} {MADE.replace("<a>", "<b>")} rename <a> <b> ;; rename <b> <a>
{IDLE} update --memory 64m --memory-swap 64m <a> ;; inspect -f '{{{{.HostConfig.Memory}}}} {{{{.HostConfig.MemorySwap}}}}' <a> ;; update -m 1m <a> ;; update -m 128m <a> ;; update --memory-swap -1 <a> ;; update --cpus 0.5 <a> ;; update --cpu-period 10000 <a> ;; update --pids-limit 50 <a> ;; update --restart always <a> ;; update --restart nosuch <a> ;; update --restart no:3 <a> ;; update --restart on-failure:-1 <a> ;; inspect -f '{{{{json .HostConfig.RestartPolicy}}}}' <a>
{IDLE} update <a> ;; update -m 64m nosuch <a> ;; update --cpus 9999 <a> ;; update --cpus x <a> ;; update --cpuset-cpus 999 <a> ;; update --cpuset-mems 9 <a> ;; update --blkio-weight 5 <a> ;; update -c 1 <a> ;; update --cpu-quota 1 <a> ;; update --cpu-period 1 <a> ;; update --cpus 1 --cpu-quota 5000 <a> ;; update
{MADE} update -m 64m --memory-swap 128m -c 512 --cpuset-cpus 0 <a> ;; inspect -f '{{{{.HostConfig.Memory}}}} {{{{.HostConfig.CPUShares}}}} {{{{.HostConfig.CpusetCpus}}}}' <a> ;; update --restart always <a> ;; update --kernel-memory 1m <a>
~run -d --rm --name <a> <image> sleep 1000 ;; update --restart always <a>
{DONE} wait <a> ;; wait <a> nosuch ;; wait
{DONE} diff <a> ;; diff nosuch ;; diff ;; diff ''
{IDLE} exec <a> sh -c 'echo 1 > /tmp/f; mkdir -p /tmp/y' ;; diff <a>
~run --name <a> <image> sh -c 'echo out; echo err >&2' ;; logs <a> ;; logs -f <a>
{DONE} logs <a> ;; logs -n 1 <a> ;; logs --tail 0 <a> ;; logs --tail all <a> ;; logs --tail -1 <a> ;; logs --tail x <a> ;; logs -t -n 1 <a> ;; logs --details <a> ;; logs --since 1h <a> ;; logs --until 1h <a> ;; logs --since x <a> ;; logs -f <a> ;; logs nosuch ;; logs
~run --name <a> -l l=1 -e E=2 --log-opt labels=l --log-opt env=E <image> echo x ;; logs --details <a>
~run --name <a> --log-driver none <image> echo x ;; logs <a>
~run --name <a> --log-driver local <image> echo x ;; logs <a>
~run -t --name <a> <image> sh -c 'echo out; echo err >&2' ;; logs <a>
~run --name <a> <image> printf 'no newline' ;; logs <a> ;; logs -t <a>
{IDLE} exec <a> sh -c 'echo out; echo err >&2; exit 5' ;; exec <a> nosuch ;; exec <a> /etc ;; exec <a> '' ;; exec <a> ;; exec nosuch true ;; exec
{IDLE} exec -i <a> cat <<<in ;; exec <a> cat '<<<not in' ;; exec -d <a> touch /made ;; exec -d <a> nosuch ;; exec -it <a> true ;; exec -t <a> tty
{IDLE} exec -u 1:2 -w /tmp -e A=1 -e B= <a> sh -c 'id; pwd; echo "$A|$B"' ;; exec -u nosuch <a> id ;; exec -w /nosuch <a> pwd ;; exec -w tmp <a> pwd ;; exec --env-file /nosuch <a> true ;; exec -e =x <a> true ;; exec --privileged <a> grep CapEff /proc/self/status ;; exec <a> grep CapEff /proc/self/status ;; exec --detach-keys x,y,zz <a> true
{IDLE} exec <a> sh -c 'kill -9 $$' ;; exec <a> sh -c 'kill -TERM $$; sleep 1' ;; exec <a> env
~run -d --name <a> -u 1 -w /tmp -e A=1 -h host <image> sleep 1000 ;; exec <a> sh -c 'id -u; pwd; echo $A; hostname' ;; exec -u 0 <a> id -u ;; exec --privileged <a> id -u
{DONE} exec <a> true ;; attach <a> ;; attach nosuch ;; attach ;; attach --detach-keys x,yy <a>
~run -d --name <a> <image> sh -c 'sleep 2; echo late; exit 6' ;; attach <a>
~run -d -i --name <a> <image> sh -c 'read x; sleep 0.3; echo got $x; sleep 0.3; exit 7' ;; attach <a> '<<<line\n'
~run -dit --name <a> <image> sh ;; attach <a>
{IDLE} top <a> -o comm,args ;; !top <a> ;; !top <a> aux ;; top <a> nosuch ;; top nosuch ;; top
~run -d --name <a> -p 127.0.0.1:18931:80 -p 127.0.0.1:18932-18933:90-91/udp <image> sleep 1000 ;; port <a> ;; port <a> 80 ;; port <a> 80/tcp ;; port <a> 80/udp ;; port <a> 90/udp ;; port <a> x ;; port <a> 80/ ;; port nosuch ;; port ;; ps --filter name=<a> --format '{{{{.Ports}}}}'
{DONE} commit <a> <i> ;; inspect -f '{{{{json .Config.Cmd}}}}' <i> ;; run --rm <i> ls -d /d /bin/cat ;; commit nosuch ;; commit <a> 'BAD' ;; commit -c 'CMD ["x"]' -c 'ENV A=b' -m msg -a me <a> <i> ;; inspect -f '{{{{json .Config.Cmd}}}} {{{{.Config.Env}}}} {{{{.Author}}}} {{{{.Comment}}}}' <i> ;; commit -c 'RUN x' <a> ;; commit -c 'nosuch' <a> ;; commit
{IDLE} commit --pause=false <a> <i> ;; commit -p <a> <i> ;; history --format '{{{{.CreatedBy}}}} {{{{.Comment}}}}' <i>
{DONE} !export <a> ;; export nosuch ;; export -o /nosuch/dir/x <a> ;; export
{IDLE} stats --no-stream --format '{{{{.Name}}}} {{{{.Container}}}}' <a> ;; stats --no-stream --format '{{{{.Nosuch}}}}' <a> ;; stats --no-stream nosuch ;; stats --no-stream --format '{{{{.Name}}}}' <a> nosuch
{DONE} stats --no-stream --format '{{{{.Name}}}} {{{{.CPUPerc}}}} {{{{.MemUsage}}}} {{{{.MemPerc}}}} {{{{.NetIO}}}} {{{{.BlockIO}}}} {{{{.PIDs}}}}' <a> ;; stats --no-stream <a>
{DONE} cp <a>:/nosuch - ;; cp <a>:/d /nosuch/dir/x ;; cp nosuch:/x /tmp ;; cp /nosuch <a>:/ ;; cp /etc/passwd <a>:/nosuch/dir/x ;; cp a b ;; cp <a>:/d <a>:/other ;; cp - <a>:/d <<<x ;; cp - <a>:/nosuch <<<x ;; cp - <a>:/ <<<notatar ;; cp - - ;; cp <a>:/d ;; cp '' <a>:/x ;; cp /etc/passwd/ <a>:/
{IDLE} !cp <a>:/etc - ;; !cp <a>:/etc/passwd - ;; cp /etc/hostname <a>:/tmp ;; cp /etc/hostname <a>:/tmp/copied ;; cp -q /etc/hostname <a>:/tmp/quiet ;; cp /etc/apt <a>:/tmp
{IDLE} cp -a /etc/hostname <a>:/tmp/x ;; exec <a> stat -c '%u:%g' /tmp/x ;; exec <a> ln -s /tmp/x /l ;; !cp <a>:/l - ;; !cp -L <a>:/l -
run -d --restart on-failure:2 --name <a> <image> false ;; wait <a> ;; run -d --rm --restart always <image> true
~run -d --restart always --name <a> <image> true ;; kill <a> ;; stop <a> ;; inspect -f '{{{{.State.Status}}}} {{{{.HostConfig.RestartPolicy.Name}}}}' <a>
{IDLE} container ls --filter name=<a> --format '{{{{.Names}}}}' ;; container list -q --filter name=nosuch ;; container ps --filter name=nosuch ;; container remove <a> ;; container nosuch ;; container rm -f <a>
run --cidfile /etc/passwd <image> true ;; create --cidfile /nosuch/dir/x <image> true
run --detach=x <image> ;; run -d -a stdin <image> true ;; run -d --rm <image> true extra ;; run --nosuch <image> ;; run -x <image> ;; run --pull x <image> ;; run --pull never nosuch/image:tag ;; create --pull never nosuch ;; create ;; run
""")


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
