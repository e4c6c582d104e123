"""What lists and inspect print: tables, filters, templates and their functions."""

from support.differential.judge import Judge
from support.differential.lines import cases, step
from support.differential.steps import Case, api, create, finish, given, start

SCENE = (
    *given(api("POST", "/volumes/create", {"Name": "<vol>", "Labels": {"k": "v"}})),
    *create("made", "true", Labels={"kind": "a", "num": "1", "empty": ""}),
    *finish("ended", "sh", "-c", "echo out; exit 3", Labels={"kind": "b"}),
    *start(
        "up",
        "sh",
        "-c",
        "while :; do sleep 1000; done # a long command",
        Labels={"kind": "a", "com.example.x": "y z"},
        Env=["A=1", "B=two words"],
        ExposedPorts={"80/tcp": {}, "81/udp": {}},
        HostConfig={
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18941"}]},
            "Mounts": [{"Type": "volume", "Source": "<vol>", "Target": "/data"}],
            "Memory": 64 << 20,
        },
    ),
    step("~tag <image> <img>"),
)
PS = "ps -a --filter name=<scene>"
UP = "inspect <up> -f"

CASES = cases(rf"""
{PS}
{PS} -s
{PS} --no-trunc
{PS} -q
{PS} -q --no-trunc
{PS} -n 1
{PS} -n 0
{PS} -n -1
{PS} -l
{PS} --format json
{PS} --format '{{{{json .}}}}'
{PS} --format 'table {{{{.Names}}}}\t{{{{.Image}}}}'
{PS} --format 'table {{{{.ID}}}}\t{{{{.RunningFor}}}}\t{{{{.Size}}}}'
{PS} --format table
{PS} --format 'table'  -q
{PS} --format raw
{PS} --format '{{{{.Names}}}}|{{{{.Labels}}}}|{{{{.Label "kind"}}}}|{{{{.Label "nosuch"}}}}'
{PS} --format '{{{{.Mounts}}}} {{{{.LocalVolumes}}}} {{{{.Networks}}}} {{{{.Ports}}}} {{{{.State}}}} {{{{.Command}}}}'
{PS} --no-trunc --format '{{{{.Mounts}}}} {{{{.Command}}}}'
{PS} --format '{{{{.Platform}}}}'
{PS} --format '{{{{upper .Image}}}} {{{{lower "ABC"}}}} {{{{title "abc def"}}}} {{{{truncate .Image 4}}}} {{{{pad .State 2 3}}}}|'
{PS} --format '{{{{join (split .Image "-") "+"}}}} {{{{len .Names}}}} {{{{index (split .Image "-") 0}}}}'
{PS} --format '{{{{if eq .State "running"}}}}yes{{{{else if eq .State "exited"}}}}ended{{{{else}}}}no{{{{end}}}}'
{PS} --format '{{{{range $i, $p := split .Image "-"}}}}{{{{$i}}}}={{{{$p}}}} {{{{end}}}}'
{PS} --format '{{{{with .Ports}}}}[{{{{.}}}}]{{{{else}}}}none{{{{end}}}}'
{PS} --format '{{{{$x := .State}}}}{{{{printf "%-10s|%q" $x .Names}}}}'
{PS} --format '{{{{println .State}}}}'
{PS} --format '{{{{/* comment */}}}}{{{{- .State -}}}} x'
{PS} --format '{{{{.State | upper | printf "%s!"}}}}'
{PS} --format '{{{{and .Ports "p"}}}} {{{{or .Ports "q"}}}} {{{{not .Ports}}}}'
{PS} --format '{{{{eq .State "running" "exited"}}}} {{{{ne 1 2}}}} {{{{lt 1 2}}}} {{{{ge "b" "a"}}}}'
{PS} --format '{{{{slice .Image 0 4}}}} {{{{html "<a>"}}}} {{{{js "a\"b"}}}} {{{{urlquery "a b"}}}}'
{PS} --format '{{{{print 1 2 "x" "y" 3}}}}'
{PS} --format '{{{{.Nosuch}}}}'
{PS} --format '{{{{.Names.X}}}}'
{PS} --format '{{{{nosuch .Names}}}}'
{PS} --format '{{{{.Names'
{PS} --format '{{{{end}}}}'
{PS} --format '{{{{if .Names}}}}'
{PS} --format '{{{{index .Names 99}}}}'
{PS} --format '{{{{template "x"}}}}'
{PS} --format '{{{{define "x"}}}}[{{{{.}}}}]{{{{end}}}}{{{{template "x" .State}}}}'
{PS} --format '{{{{block "b" .State}}}}<{{{{.}}}}>{{{{end}}}}'
{PS} --format '{{{{range (split .Image "-")}}}}{{{{if eq . "busybox"}}}}{{{{break}}}}{{{{end}}}}{{{{.}}}}{{{{end}}}}'
{PS} --format 'x\ty\n'
{PS} --format ''
{PS} --filter status=running --format '{{{{.Names}}}}'
{PS} --filter status=exited --filter status=created --format '{{{{.Names}}}}'
{PS} --filter exited=3 --format '{{{{.Names}}}}'
{PS} --filter label=kind=a --format '{{{{.Names}}}}'
{PS} --filter label=kind=a --filter label=num --format '{{{{.Names}}}}'
{PS} --filter volume=/data --format '{{{{.Names}}}}'
{PS} --filter ancestor=<image> --format '{{{{.Names}}}}'
{PS} --filter publish=18941 --format '{{{{.Names}}}}'
{PS} --filter expose=81/udp --format '{{{{.Names}}}}'
{PS} --filter since=<made> --format '{{{{.Names}}}}'
{PS} --filter before=<ended> --format '{{{{.Names}}}}'
{PS} --filter network=bridge --format '{{{{.Names}}}}'
{PS} --filter status=nosuch
{PS} --filter nosuch=x
{PS} --filter health=none --format '{{{{.Names}}}}'
ps --filter name=<scene> --format '{{{{.Names}}}}'
ps --filter x
ps --filter =x
ps -n x
ps --format '{{{{json .Labels}}}}' --filter name=<up>
{UP} '{{{{json .Config.Labels}}}}'
{UP} '{{{{.Config.Labels}}}}'
{UP} '{{{{range $k, $v := .Config.Labels}}}}{{{{$k}}}}={{{{$v}}}};{{{{end}}}}'
{UP} '{{{{index .Config.Labels "com.example.x"}}}}'
{UP} '{{{{index .Config.Env 1}}}} {{{{len .Config.Env}}}}'
{UP} '{{{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}}}'
{UP} '{{{{range .NetworkSettings.Networks}}}}{{{{.NetworkID | len}}}}{{{{end}}}}'
{UP} '{{{{json .NetworkSettings.Ports}}}}'
{UP} '{{{{.NetworkSettings.Ports}}}}'
{UP} '{{{{.HostConfig.Memory}}}} {{{{.HostConfig.Memory | printf "%x"}}}}'
{UP} '{{{{.HostConfig.PortBindings}}}}'
{UP} '{{{{.State.Status}}}} {{{{.State.Restarting}}}} {{{{.State.Error}}}}'
{UP} '{{{{.Mounts}}}}'
{UP} '{{{{json .HostConfig.LogConfig}}}}'
{UP} '{{{{.Created}}}} {{{{.State.StartedAt}}}} {{{{.State.FinishedAt}}}}'
{UP} '{{{{.Config.Healthcheck}}}} {{{{.State.Health}}}}'
{UP} '{{{{json .State}}}}'
{UP} '{{{{json .GraphDriver.Name}}}} {{{{.Driver}}}} {{{{.Platform}}}}'
{UP} '{{{{.Name}}}}{{{{println}}}}{{{{.Image}}}}'
{UP} '{{{{.HostConfig.RestartPolicy.Name}}}} {{{{.HostConfig.RestartPolicy}}}}'
{UP} '{{{{.Args}}}} {{{{.Path}}}} {{{{json .Args}}}}'
{UP} '{{{{if .State.Running}}}}up{{{{end}}}} {{{{if .State.Paused}}}}paused{{{{end}}}}'
{UP} '{{{{.SizeRw}}}}'
{UP} '{{{{.nosuch}}}}'
{UP} '{{{{.Config.Nosuch}}}}'
{UP} '{{{{.ID}}}}'
{UP} '{{{{.Id}}}}'
{UP} '{{{{index .Mounts 9}}}}'
{UP} '{{{{range .Mounts}}}}{{{{.Type}}}} {{{{.Destination}}}} {{{{.RW}}}} {{{{.Mode}}}} {{{{.Propagation}}}};{{{{end}}}}'
{UP} json
{UP} ''
{UP} 'table {{{{.Name}}}}'
inspect <up> <made> -f '{{{{.Name}}}}'
inspect <up> nosuch -f '{{{{.Name}}}}'
inspect nosuch other
inspect <vol> -f '{{{{.Name}}}} {{{{.Driver}}}} {{{{.Labels}}}}'
inspect --type volume <up>
inspect --type container <vol>
inspect --type volume <vol> -f '{{{{.Mountpoint}}}}'
inspect --type nosuch <up>
inspect --type network bridge -f '{{{{.Driver}}}} {{{{.Scope}}}}'
inspect -s --type image <img> -f x
inspect ''
inspect
container inspect <up> -f '{{{{.Name}}}}'
container inspect <vol>
container inspect -s nosuch
image inspect <img> -f '{{{{.Os}}}}'
image inspect nosuch <img> -f '{{{{.Os}}}}'
volume inspect <vol>
volume inspect nosuch <vol> -f '{{{{.Name}}}}'
network inspect bridge nosuch -f '{{{{.Name}}}}'
images <img>
images <img> --format json
images <img> --format '{{{{.Repository}}}}:{{{{.Tag}}}} {{{{.Digest}}}} {{{{.Containers}}}}'
images <img> --format 'table {{{{.Tag}}}}\t{{{{.ID}}}}'
images <img> -q --no-trunc
images --filter reference=<img> --format '{{{{.Tag}}}}'
images --filter nosuch=x
images nosuch
volume ls --filter name=<vol>
volume ls --filter name=<vol> --format json
volume ls --filter label=k=v --filter name=<vol> -q
volume ls --filter dangling=true --filter name=<vol> -q
volume ls --filter dangling=false --filter name=<vol> -q
volume ls --filter driver=local --filter name=<vol> -q
volume ls --filter driver=x --filter name=<vol>
volume ls --filter nosuch=x
volume ls --filter dangling=x
volume ls --filter name=<vol> --format '{{{{.Name}}}} {{{{.Driver}}}} {{{{.Scope}}}} {{{{.Mountpoint}}}} {{{{.Labels}}}} {{{{.Label "k"}}}} {{{{.Links}}}} {{{{.Size}}}} {{{{.Availability}}}} {{{{.Group}}}} {{{{.Status}}}}'
network ls --filter name=bridge
network ls --filter name=bridge --format '{{{{.Name}}}} {{{{.Driver}}}} {{{{.Scope}}}} {{{{.IPv6}}}} {{{{.IPv4}}}} {{{{.Internal}}}} {{{{.Labels}}}}'
""")


def test_answers_are_dockers(judge: Judge, case: Case) -> None:
    judge.check(case)
