"""`docker system`, events, info, version, contexts, global flags and mistakes."""

from support.differential.judge import Judge
from support.differential.lines import cases
from support.differential.steps import Case

EV = "!version ;; events --since <begin> --until <now>"

CASES = cases(rf"""
!run --name <a> -l k=v <image> sh -c 'exit 3' ;; {EV} --filter container=<a> --format '{{{{.Action}}}}'
~run --name <a> -l k=v <image> true ;; {EV} --filter container=<a> --filter event=create --filter event=die
~run --name <a> -l k=v <image> true ;; {EV} --filter label=k=v --filter container=<a> --format '{{{{.Type}}}} {{{{.Action}}}} {{{{.Actor.Attributes.exitCode}}}} {{{{.Actor.Attributes.k}}}}'
~run --name <a> <image> true ;; {EV} --filter container=<a> --filter event=die --format '{{{{json .}}}}' ;; {EV} --filter container=<a> --filter event=start --format json
~run --name <a> <image> true ;; {EV} --filter container=<a> --filter event=die --format '{{{{.Status}}}} {{{{.ID}}}} {{{{.From}}}} {{{{.Scope}}}}' ;; {EV} --filter container=<a> --format '{{{{.Nosuch}}}}'
~volume create <v> ;; ~volume rm <v> ;; {EV} --filter volume=<v> --format '{{{{.Type}}}} {{{{.Action}}}} {{{{.Actor.ID}}}}' ;; {EV} --filter type=volume --filter volume=<v>
~network create <n> ;; ~network rm <n> ;; {EV} --filter network=<n> --format '{{{{.Type}}}} {{{{.Action}}}} {{{{.Actor.Attributes.name}}}} {{{{.Actor.Attributes.type}}}}'
~tag <image> <i>:x ;; ~rmi <i>:x ;; {EV} --filter type=image --filter image=<i>:x --format '{{{{.Action}}}} {{{{.Actor.Attributes.name}}}}'
~run -d --name <a> <image> sleep 1000 ;; ~exec <a> true ;; ~pause <a> ;; ~unpause <a> ;; ~rename <a> <b> ;; ~update -m 64m --memory-swap 64m <b> ;; ~top <b> ;; ~kill <b> ;; !cp <b>:/etc/passwd - ;; ~commit <b> <i> ;; ~rm <b> ;; {EV} --filter type=container --filter container=<b> --format '{{{{.Action}}}}'
~run -d --name <a> <image> sleep 1000 ;; ~stop -t 0 <a> ;; ~start <a> ;; ~restart -t 0 <a> ;; ~rm -f <a> ;; {EV} --filter container=<a> --format '{{{{.Action}}}} {{{{.Actor.Attributes.signal}}}} {{{{.Actor.Attributes.exitCode}}}}'
~run -d --name <a> --health-cmd false --health-interval 1h <image> sleep 1000 ;; {EV} --filter container=<a> --filter event=health_status --format '{{{{.Action}}}}'
{EV} --filter nosuch=x ;; {EV} --filter event=nosuch ;; {EV} --filter type=nosuch ;; events --since x ;; events --until x --since 1h ;; events --since 2h --until 1h --filter event=nosuch ;; events x ;; {EV} --filter x ;; system events --since 1s --until 0s --filter event=nosuch
system df --format '{{{{.Type}}}}' ;; system df --format '{{{{.Nosuch}}}}' ;; system df x ;; system df -v --format '{{{{json .}}}}x{{{{nosuch}}}}'
system df --format 'table {{{{.Type}}}}' ;; system df -v --format 'table {{{{.Nosuch}}}}'
system prune <<<n ;; system prune -a <<<n ;; system prune --volumes <<<n ;; system prune -a --volumes --filter label=<v> <<<n ;; system prune --filter until=1h --filter label=<v> <<<n ;; system prune --filter label!=<v> <<<no
system prune -f --filter nosuch=x ;; system prune --volumes --filter until=1h -f ;; system prune x ;; system prune -f --filter label=<v>
container prune <<<n ;; container prune --filter label=<v> -f ;; container prune --filter nosuch=x -f ;; container prune --filter until=x -f ;; container prune --filter label=<v> <<<y ;; container prune --filter label=<v> <<<yes ;; container prune x
~run --name <a> -l <v> <image> true ;; container prune -f --filter label=<v> --filter until=1h ;; container prune -f --filter label!=<v> --filter label=<v> ;; container prune -f --filter label=<v> ;; ps -aq --filter name=<a>
~run --name <a> -l <v> <image> true ;; system prune -f --filter label=<v> ;; ps -aq --filter name=<a>
image prune <<<n ;; image prune -a <<<n ;; network prune <<<n ;; image prune -f --filter label=<v> ;; network prune -f --filter label=<v>
info --format '{{{{.OSType}}}} {{{{.Driver}}}} {{{{.Swarm.LocalNodeState}}}}' ;; info --format '{{{{.Nosuch}}}}' ;; info --format '{{{{.ClientInfo.Debug}}}}' ;; info x ;; info -f '{{{{json .Plugins.Volume}}}}' ;; system info -f '{{{{json .Swarm}}}}' ;; info -f '{{{{json .Plugins.Authorization}}}}'
info -f '{{{{.LoggingDriver}}}} {{{{.IndexServerAddress}}}} {{{{.MemoryLimit}}}} {{{{len .Warnings}}}}'
version --format '{{{{.Server.APIVersion}}}} {{{{.Server.MinAPIVersion}}}} {{{{.Server.Os}}}} {{{{.Server.Arch}}}} {{{{.Server.Experimental}}}}' ;; version --format '{{{{.Nosuch}}}}' ;; version x ;; version -f '{{{{.'
DOCKER_HOST=unix:///nosuch version -f '{{{{.Server.Version}}}}' ;; DOCKER_HOST=unix:///nosuch info -f '{{{{.ServerVersion}}}}' ;; DOCKER_HOST=unix:///nosuch ps ;; DOCKER_HOST=tcp://127.0.0.1:1 ps ;; DOCKER_HOST=x://y ps ;; DOCKER_HOST=unix:///nosuch run x ;; DOCKER_HOST=unix:///nosuch exec a b
-H unix:///nosuch -H unix:///other ps ;; -H unix:///nosuch -c x ps -n 0 ;; -c nosuch ps ;; --tlsverify --tlscacert /nosuch ps ;; DOCKER_CONTEXT=nosuch ps --filter name=nosuch ;; -l nosuch ps ;; --nosuch ;; -x ps ;; --version=x
DOCKER_API_VERSION=1.24 ps --filter name=nosuch ;; DOCKER_API_VERSION=1.23 ps --filter name=nosuch ;; DOCKER_API_VERSION=1.99 ps --filter name=nosuch ;; DOCKER_API_VERSION=x ps --filter name=nosuch ;; DOCKER_API_VERSION=1.40 version -f '{{{{.Client.APIVersion}}}}'
nosuch ;; container ;; container nosuch ;; container ls nosuch ;; volume ;; system nosuch ;; system ;; image nosuch x ;; network ;; help nosuch ;; nosuch --help ;; container nosuch --help ;; pss ;; rn ;; verison
ps -aZ ;; ps --al ;; ps --all=x ;; ps --filter ;; ps -f ;; ps -- x ;; ps --all= ;; ps -a=false --filter name=nosuch ;; ps --no-trunc=1 --filter name=nosuch ;; ps -qa=x ;; ps - ;; ps --=x ;; ps ---all
""")


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
