// testcontainers for Node, its documented main flows: node testcontainers_flows.js FLOW IMAGE PREFIX
"use strict";
process.env.TESTCONTAINERS_RYUK_DISABLED = "true";
const assert = require("assert");
const { mkdtempSync, writeFileSync } = require("fs");
const { tmpdir } = require("os");
const { join } = require("path");
const { GenericContainer, Network, Wait } = require("testcontainers");

const [, , name, image] = process.argv;
const serve = ["sh", "-c", "mkdir /www; cat /tmp/in.txt > /www/index.html; echo ready; httpd -f -p 8080 -h /www"];

const flows = {
  async a_service_on_a_network() {
    const network = await new Network().start();
    const waiting = [Wait.forLogMessage("ready"), Wait.forListeningPorts(), Wait.forHttp("/", 8080)];
    const service = await new GenericContainer(image)
      .withCommand(serve).withExposedPorts(8080).withNetwork(network).withNetworkAliases("web")
      .withCopyContentToContainer([{ content: "hello\n", target: "/tmp/in.txt" }])
      .withEnvironment({ A: "1" }).withWaitStrategy(Wait.forAll(waiting)).start();
    const page = await fetch(`http://${service.getHost()}:${service.getMappedPort(8080)}/`);
    assert.strictEqual(await page.text(), "hello\n");
    const done = await service.exec(["sh", "-c", "echo $A; echo err >&2; exit 3"]);
    assert.deepStrictEqual([done.stdout, done.stderr, done.exitCode], ["1\n", "err\n", 3]);
    let bytes = 0;
    for await (const part of await service.copyArchiveFromContainer("/tmp/in.txt")) bytes += part.length;
    assert.ok(bytes >= 1024);
    await service.restart();
    assert.ok(service.getMappedPort(8080) > 0);
    await service.stop();
    await network.stop();
  },
  async an_image_built_for_a_test() {
    const folder = mkdtempSync(join(tmpdir(), "boxship-"));
    writeFileSync(join(folder, "Dockerfile"), `FROM ${image}\nHEALTHCHECK --interval=1s CMD true\nCMD ["sleep", "100"]\n`);
    const built = await GenericContainer.fromDockerfile(folder).build();
    const service = await built.withWaitStrategy(Wait.forHealthCheck()).start();
    await service.stop();
  },
};

flows[name]().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
