import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const root = new URL("../../", import.meta.url);
const protobuf = "@bufbuild/protobuf";

test("the library needs nothing but protobuf, and of Node only what its TCP is made of", async () => {
  const { dependencies } = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
  assert.deepEqual(Object.keys(dependencies), [protobuf]);
  const needs = new Map<string, string[]>();
  for (const file of await readdir(new URL("src", root), { recursive: true })) {
    if (!file.endsWith(".ts")) continue;
    const text = await readFile(new URL(`src/${file}`, root), "utf8");
    for (const [, from] of text.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      if (!from!.startsWith(".")) needs.set(from!, [...(needs.get(from!) ?? []), file]);
    }
  }
  for (const [from, files] of needs) {
    const fine = from === protobuf || from.startsWith(`${protobuf}/`) || (from.startsWith("node:") && files.every((file) => file === "tcp.ts"));
    assert.ok(fine, `${files.join(", ")} need ${from}`);
  }
  assert.ok(needs.has(protobuf));
});
