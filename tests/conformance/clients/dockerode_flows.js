// dockerode's documented main flows, each by its name: node dockerode_flows.js NAME IMAGE PREFIX
"use strict";
const assert = require("assert");
const { PassThrough } = require("stream");
const Docker = require("dockerode");

const [, , name, image, prefix] = process.argv;
const docker = new Docker({ socketPath: process.env.DOCKER_HOST.replace("unix://", "") });

const text = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
};
const ended = (stream) => new Promise((resolve) => stream.on("end", resolve).on("close", resolve));
const split = (stream) => {
  const out = new PassThrough(), err = new PassThrough();
  docker.modem.demuxStream(stream, out, err);
  ended(stream).then(() => { out.end(); err.end(); });
  return Promise.all([text(out), text(err)]);
};
// one file of less than 512 bytes as a tar archive
const tar = (file, content) => {
  const block = Buffer.alloc(512);
  const put = (at, value) => block.write(value, at, "latin1");
  put(0, file); put(100, "0000644\0"); put(108, "0000000\0"); put(116, "0000000\0");
  put(124, content.length.toString(8).padStart(11, "0") + "\0"); put(136, "00000000000\0");
  put(148, " ".repeat(8)); put(156, "0"); put(257, "ustar\0" + "00");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, sum.toString(8).padStart(6, "0") + "\0 ");
  return Buffer.concat([block, Buffer.from(content), Buffer.alloc(512 - content.length), Buffer.alloc(1024)]);
};
const sleeping = async () => {
  const made = await docker.createContainer({ Image: image, Cmd: ["sleep", "100"], name: prefix });
  await made.start();
  return made;
};

const flows = {
  async run() {
    const out = new PassThrough(), err = new PassThrough();
    const both = Promise.all([text(out), text(err)]);
    const [data, made] = await docker.run(image, ["sh", "-c", "echo out; echo err >&2; exit 3"], [out, err], { Tty: false });
    out.end(); err.end();
    assert.deepStrictEqual(await both, ["out\n", "err\n"]);
    assert.strictEqual(data.StatusCode, 3);
    await made.remove();
  },
  async run_with_terminal() {
    const out = new PassThrough(), all = text(out);
    const [data, made] = await docker.run(image, ["sh", "-c", "tty; stty size"], out, { Tty: true, HostConfig: { ConsoleSize: [33, 99] } });
    out.end();
    assert.match(await all, /^\/dev\/pts\/0\r\n33 99\r\n$/);
    assert.strictEqual(data.StatusCode, 0);
    await made.remove();
  },
  async attach_with_hijack() {
    const made = await docker.createContainer({ Image: image, Cmd: ["cat"], OpenStdin: true, StdinOnce: true });
    const stream = await made.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    await made.start();
    const both = split(stream);
    stream.write("one\n");
    stream.end("two\n");
    assert.deepStrictEqual(await both, ["one\ntwo\n", ""]);
    assert.strictEqual((await made.wait()).StatusCode, 0);
    await made.remove();
  },
  async exec() {
    const made = await sleeping();
    const exec = await made.exec({ Cmd: ["sh", "-c", "cat; echo $A >&2; exit 5"], Env: ["A=b"], AttachStdin: true, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({ hijack: true, stdin: true });
    const both = split(stream);
    stream.end("in\n");
    assert.deepStrictEqual(await both, ["in\n", "b\n"]);
    const seen = await exec.inspect();
    assert.deepStrictEqual([seen.ExitCode, seen.Running], [5, false]);
    const plain = await made.exec({ Cmd: ["id", "-u"], User: "65534", AttachStdout: true });
    assert.deepStrictEqual(await split(await plain.start({})), ["65534\n", ""]);
  },
  async archives() {
    const made = await sleeping();
    await made.putArchive(tar("hello.txt", "hello\n"), { path: "/tmp" });
    const packed = await text(await made.getArchive({ path: "/tmp/hello.txt" }));
    assert.ok(packed.startsWith("hello.txt") && packed.includes("hello\n"));
    const stat = await made.infoArchive({ path: "/tmp/hello.txt" });
    stat.destroy();
    const header = JSON.parse(Buffer.from(stat.headers["x-docker-container-path-stat"], "base64"));
    assert.deepStrictEqual([header.name, header.size], ["hello.txt", 6]);
    assert.deepStrictEqual(await made.changes(), [{ Path: "/tmp", Kind: 0 }, { Path: "/tmp/hello.txt", Kind: 1 }]);
    assert.ok((await text(await made.export())).includes("tmp/hello.txt"));
  },
  async logs() {
    const made = await docker.createContainer({ Image: image, Cmd: ["sh", "-c", "echo a; echo b >&2; sleep 0.5; echo c"] });
    await made.start();
    const followed = split(await made.logs({ follow: true, stdout: true, stderr: true }));
    assert.deepStrictEqual(await followed, ["a\nc\n", "b\n"]);
    const whole = await made.logs({ stdout: true, tail: 1 });
    assert.strictEqual(whole.toString("latin1").slice(8), "c\n");
    await made.remove();
  },
  async watching() {
    const made = await sleeping();
    const stats = await made.stats({ stream: false });
    assert.strictEqual(stats.id, made.id);
    assert.ok(stats.memory_stats.usage > 0 || stats.memory_stats.limit === undefined);
    const stream = await made.stats({ stream: true });
    const first = await new Promise((resolve) => stream.once("data", resolve));
    assert.strictEqual(JSON.parse(first).name, "/" + prefix);
    stream.destroy();
    const top = await made.top({ ps_args: "-o pid,args" });
    assert.deepStrictEqual([top.Titles, top.Processes[0][1]], [["PID", "COMMAND"], "sleep 100"]);
    const found = await docker.listContainers({ filters: { name: [prefix] } });
    assert.deepStrictEqual(found.map((each) => each.Names), [["/" + prefix]]);
    assert.strictEqual((await made.inspect()).State.Running, true);
  },
  async events() {
    const since = Math.floor(Date.now() / 1000) - 1;
    const stream = await docker.getEvents({ since, filters: { container: [prefix], event: ["create", "start", "die"] } });
    const seen = [];
    const done = new Promise((resolve) => stream.on("data", (data) => {
      for (const line of data.toString().trim().split("\n")) seen.push(JSON.parse(line).Action);
      if (seen.length >= 3) resolve();
    }));
    const made = await sleeping();
    await made.kill();
    await done;
    stream.destroy();
    assert.deepStrictEqual(seen, ["create", "start", "die"]);
  },
  async life() {
    const made = await sleeping();
    await assert.rejects(made.start(), { statusCode: 304 });
    await made.pause();
    assert.strictEqual((await made.inspect()).State.Status, "paused");
    await made.unpause();
    await made.update({ Memory: 64 << 20, MemorySwap: -1 });
    assert.strictEqual((await made.inspect()).HostConfig.Memory, 64 << 20);
    await made.rename({ name: prefix + "-b" });
    await made.restart({ t: 0 });
    await made.stop({ t: 0 });
    await assert.rejects(made.stop(), { statusCode: 304 });
    assert.strictEqual((await made.inspect()).State.ExitCode, 137);
    await made.remove({ v: true });
    await assert.rejects(made.inspect(), { statusCode: 404, reason: "no such container" });
  },
  async images() {
    const dockerfile = `FROM ${image}\nRUN echo built > /built\nCMD ["cat", "/built"]\n`;
    const stream = await docker.buildImage(require("stream").Readable.from([tar("Dockerfile", dockerfile)]), { t: prefix + ":1" });
    const output = await new Promise((resolve, reject) => docker.modem.followProgress(stream, (error, all) => (error ? reject(error) : resolve(all))));
    assert.ok(output.some((each) => (each.stream || "").startsWith("Successfully tagged")));
    const made = await docker.createContainer({ Image: prefix + ":1", name: prefix });
    const { Id } = await made.commit({ repo: prefix, tag: "2", comment: "why", changes: 'ENV A=1' });
    const committed = docker.getImage(prefix + ":2");
    const seen = await committed.inspect();
    assert.deepStrictEqual([seen.Id, seen.Comment], [Id, "why"]);
    assert.ok(seen.Config.Env.includes("A=1"));
    assert.strictEqual((await committed.history())[0].Comment, "why");
    await committed.tag({ repo: prefix, tag: "3" });
    const listed = await docker.listImages({ filters: { reference: [prefix + ":*"] } });
    assert.deepStrictEqual(listed.flatMap((each) => each.RepoTags).sort(), [1, 2, 3].map((n) => `${prefix}:${n}`));
    const saved = await text(await committed.get());
    assert.ok(saved.includes("manifest.json"));
    await made.remove();
    for (const tag of [1, 2, 3]) await docker.getImage(`${prefix}:${tag}`).remove();
  },
  async volumes_and_networks() {
    const volume = await docker.createVolume({ Name: prefix, Labels: { a: "b" } });
    const network = await docker.createNetwork({ Name: prefix, IPAM: { Config: [{ Subnet: "10.213.77.0/24" }] } });
    const made = await docker.createContainer({
      Image: image, Cmd: ["sleep", "100"], name: prefix, HostConfig: { Binds: [`${prefix}:/data`], PortBindings: { "80/tcp": [{ HostPort: "0" }] } }, ExposedPorts: { "80/tcp": {} },
    });
    await made.start();
    await network.connect({ Container: made.id, EndpointConfig: { Aliases: ["alias"] } });
    const seen = await made.inspect();
    assert.strictEqual(seen.NetworkSettings.Networks[prefix].IPAddress, "10.213.77.2");
    assert.ok(Number(seen.NetworkSettings.Ports["80/tcp"][0].HostPort) > 0);
    assert.deepStrictEqual(Object.keys((await network.inspect()).Containers), [made.id]);
    await network.disconnect({ Container: made.id });
    await assert.rejects(volume.remove(), { statusCode: 409 });
    await made.remove({ force: true });
    await volume.remove();
    await network.remove();
  },
  async engine() {
    assert.strictEqual((await docker.ping()).toString(), "OK");
    assert.strictEqual((await docker.version()).Os, "linux");
    assert.ok((await docker.info()).NCPU > 0);
    assert.ok(Array.isArray((await docker.df()).Images));
  },
};

flows[name]().catch((error) => { console.error(error); process.exitCode = 1; });
