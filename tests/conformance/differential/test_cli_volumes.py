"""Volumes and mounts on the command line."""

from support.differential.judge import Judge
from support.differential.lines import cases
from support.differential.steps import Case

MADE = "~volume create <v> ;; "
RUN = "run --rm"

CASES = cases(rf"""
volume create <v> ;; volume create <v> ;; volume inspect <v> ;; volume rm <v> ;; volume rm <v> ;; volume rm -f <v>
volume create --name <v> ;; volume create --name <v> <w> ;; volume create -d nosuch <v> ;; volume create -d local <v>
volume create --label a=b --label c <v> ;; volume inspect -f '{{{{json .Labels}}}}' <v> ;; volume create --label a=other <v> ;; volume inspect -f '{{{{.Labels.a}}}}' <v>
volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,uid=7 <v> ;; volume inspect -f '{{{{json .Options}}}}' <v> ;; {RUN} -v <v>:/v <image> sh -c 'stat -c %u /v; grep " /v " /proc/mounts | cut -d" " -f3' ;; volume create -o type=tmpfs -o device=other <v>
volume create -o nosuch=x <v> ;; volume create -o type=tmpfs <v> ;; volume create -o device=/tmp <v> ;; volume create -o o=bind <v> ;; volume create -o x <v>
volume create -o type=none -o o=bind -o device=/nosuch <v> ;; {RUN} -v <v>:/v <image> true
volume create 'a b' ;; volume create -x ;; volume create x ;; volume create /x ;; volume create ../x ;; volume create '' -d x
volume create ;; volume ls -q --filter dangling=true --filter name=<nothing>
volume inspect nosuch ;; volume inspect ;; volume rm ;; volume ls x ;; volume nosuch ;; volume prune x
volume rm nosuch ;; volume rm -f nosuch ;; {MADE} volume rm nosuch <v>
{MADE} ~run -d --name <a> -v <v>:/v <image> sleep 1000 ;; volume rm <v> ;; volume rm -f <v> ;; ~rm -f <a> ;; volume rm <v>
{MADE} ~create --name <a> -v <v>:/v <image> ;; volume rm <v> ;; volume ls --filter dangling=true -q --filter name=<v> ;; ~rm <a> ;; volume ls --filter dangling=true -q --filter name=<v>
volume prune <<<n ;; volume prune --filter nosuch=x -f ;; volume prune -a --filter label=<v>=x -f ;; volume prune -a <<<n
~volume create --label <v> <v> ;; volume prune -f --filter label=<v> ;; volume prune -af --filter label=<v> ;; volume ls -q --filter name=<v>
~volume create --label <v>=1 <v> ;; volume prune -af --filter label=<v> --filter label!=<v>=1 ;; volume prune -f --filter all=true --filter label=<v>=1
{RUN} -v <v>:/v <image> sh -c 'echo x > /v/f' ;; {RUN} -v <v>:/v:ro <image> cat /v/f ;; {RUN} -v <v>:/v:ro <image> touch /v/g ;; {RUN} -v <v>:/v:nocopy <image> ls /v
{RUN} -v <v>:/etc <image> true ;; {RUN} -v <v>:/v <image> ls -d /v/passwd ;; {RUN} -v <w>:/etc:nocopy <image> ls /etc
{RUN} -v /v <image> sh -c 'grep -c " /v " /proc/mounts' ;; {RUN} -v <v>:/v:ro,z <image> true ;; {RUN} -v <v>:/v:rw,Z <image> true
{RUN} -v <v>:/v:x <image> true ;; {RUN} -v <v>:/v:ro,rw <image> true ;; {RUN} -v <v>:v <image> true ;; {RUN} -v <v>: <image> true ;; {RUN} -v : <image> true ;; {RUN} -v '' <image> true ;; {RUN} -v a:b:c:d <image> true ;; {RUN} -v <v>:/v:ro:x <image> true
{RUN} -v v <image> true ;; {RUN} -v <v>:/ <image> true ;; {RUN} -v /tmp:/ <image> true ;; {RUN} -v ./x:/v <image> true ;; {RUN} -v x/y:/v <image> true ;; {RUN} -v 'a b:/v' <image> true ;; {RUN} -v /nosuch-dir-{{}}:/v:ro,nosuch <image> true
{RUN} -v <v>:/v -v <w>:/v <image> true ;; {RUN} -v <v>:/v --mount type=volume,src=<w>,dst=/v <image> true ;; {RUN} -v <v>:/v --tmpfs /v <image> true ;; {RUN} -v <v>:/v/ <image> ls -d /v
{RUN} --mount type=volume,src=<v>,dst=/v <image> touch /v/f ;; {RUN} --mount src=<v>,target=/v,readonly <image> touch /v/g ;; {RUN} --mount type=volume,dst=/v <image> ls /v ;; {RUN} --mount type=volume,source=<v>,destination=/v,volume-nocopy,volume-label=a=b,volume-driver=local <image> ls /v
{RUN} --mount type=volume,src=<w>,dst=/v,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-driver=local <image> grep -c ' /v tmpfs' /proc/mounts
{RUN} --mount type=volume,src=<v>,dst=/v,volume-subpath=nosuch <image> true ;; {RUN} --mount type=volume,src=<v>,dst=/v,volume-subpath=../x <image> true ;; {RUN} --mount type=volume,src=<v>,dst=/v,volume-subpath=/abs <image> true
~run --rm -v <v>:/v <image> mkdir /v/sub ;; {RUN} --mount type=volume,src=<v>,dst=/w,volume-subpath=sub <image> touch /w/x ;; {RUN} -v <v>:/v <image> ls /v/sub
{RUN} --mount type=bind,src=/etc/hostname,dst=/h,ro <image> sh -c 'echo x > /h' ;; {RUN} --mount type=bind,src=/nosuch-{{}},dst=/h <image> true ;; {RUN} --mount type=bind,src=rel,dst=/h <image> true ;; {RUN} --mount type=bind,dst=/h <image> true ;; {RUN} --mount type=bind,src=/tmp <image> true
{RUN} --mount type=bind,src=/opt,dst=/h,bind-propagation=rshared <image> true ;; {RUN} --mount type=bind,src=/opt,dst=/h,bind-propagation=x <image> true ;; {RUN} --mount type=bind,src=/opt,dst=/h,bind-recursive=disabled <image> true ;; {RUN} --mount type=bind,src=/opt,dst=/h,bind-recursive=readonly <image> true ;; {RUN} --mount type=bind,src=/opt,dst=/h,bind-recursive=readonly,readonly,bind-propagation=rprivate <image> true ;; {RUN} --mount type=bind,src=/opt,dst=/h,bind-recursive=x <image> true ;; {RUN} --mount type=bind,src=/opt,dst=/h,bind-nonrecursive <image> true
{RUN} --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1700 <image> sh -c 'df -k /t | tail -1 | tr -s " " | cut -d" " -f2; stat -c %a /t' ;; {RUN} --mount type=tmpfs,dst=/t,tmpfs-size=x <image> true ;; {RUN} --mount type=tmpfs,dst=/t,tmpfs-mode=9 <image> true ;; {RUN} --mount type=tmpfs,src=x,dst=/t <image> true ;; {RUN} --mount type=tmpfs,dst=t <image> true ;; {RUN} --mount type=tmpfs,dst=/t,tmpfs-options=noexec <image> true
{RUN} --mount type=nosuch,dst=/t <image> true ;; {RUN} --mount type=npipe,src=x,dst=/t <image> true ;; {RUN} --mount type=cluster,src=x,dst=/t <image> true ;; {RUN} --mount dst=/t,nosuch=x <image> true ;; {RUN} --mount dst=/t,readonly=maybe <image> true ;; {RUN} --mount type=bind,src=/tmp,dst=/t,volume-nocopy <image> true ;; {RUN} --mount type=volume,dst=/t,bind-propagation=private <image> true ;; {RUN} --mount '' <image> true ;; {RUN} --mount 'type=bind,"src=/tmp",dst=/h' <image> true ;; {RUN} --mount type=volume,dst=/t,tmpfs-size=1 <image> true ;; {RUN} --mount type=volume,dst=/t,type <image> true
{RUN} --mount type=volume <image> true ;; {RUN} --mount type=tmpfs <image> true ;; {RUN} --mount type=volume,dst=v <image> true ;; {RUN} --mount type=volume,dst=/ <image> true ;; {RUN} --mount type=bind,src=/tmp,dst=/x,consistency=cached <image> true ;; {RUN} --mount type=bind,src=/tmp,dst=/x,consistency=x <image> true
{RUN} --mount type=image,src=<image>,dst=/i <image> ls -d /i/bin ;; {RUN} --mount type=image,src=<image>,dst=/i,image-subpath=bin <image> ls -d /i/sh
~create --name <a> -v <v>:/v -v /anon <image> true ;; {RUN} --volumes-from <a> <image> ls -d /v /anon ;; {RUN} --volumes-from <a>:ro <image> touch /v/x ;; {RUN} --volumes-from <a>:x <image> true ;; {RUN} --volumes-from nosuch <image> true ;; {RUN} --volumes-from '' <image> true ;; {RUN} --volumes-from <a>:rw <image> touch /v/x
~create --name <a> -v <v>:/v:ro -v /anon --tmpfs /t --mount type=bind,src=/tmp,dst=/b,bind-propagation=rslave <image> true ;; inspect -f '{{{{json .HostConfig.Binds}}}} {{{{json .HostConfig.Mounts}}}} {{{{json .HostConfig.Tmpfs}}}} {{{{json .Config.Volumes}}}}' <a> ;; inspect -f '{{{{range .Mounts}}}}{{{{if eq .Destination "/v"}}}}{{{{json .}}}}{{{{end}}}}{{{{end}}}}' <a>
{RUN} --volume-driver local -v <v>:/v <image> true
~run --name <a> -v <v>:/v -v /anon <image> true ;; rm -v <a> ;; volume ls -q --filter name=<v>
""")


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
