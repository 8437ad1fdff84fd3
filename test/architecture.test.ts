import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { test } from "node:test";

/** From the bottom up: a package may depend on its own layer and on lower ones, never upwards. */
const layers = ["values", "adapters", "engines", "services", "program"];

/** Names that say nothing about their content (conventions: the listing is the table of contents). */
const EMPTY_NAMES = /^(utils?|helpers?|common|misc|core|lib|manager|types)\.ts$/;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly directory: string;
  readonly layer: number;
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

const root = resolve(import.meta.dirname, "..");
const readJson = (file: string) => JSON.parse(readFileSync(resolve(root, file), "utf8"));
const rootManifest = readJson("package.json");

const packages = globSync("{packages,services}/*/package.json", { cwd: root }).map((file): Manifest => {
  const json = readJson(file);
  return {
    name: json.name,
    version: json.version,
    directory: resolve(root, dirname(file)),
    layer: layers.indexOf(json.postbus?.layer),
    dependencies: Object.keys(json.dependencies ?? {}),
    devDependencies: [...Object.keys(json.devDependencies ?? {}), ...Object.keys(rootManifest.devDependencies)],
  };
});
const byName = new Map(packages.map((manifest) => [manifest.name, manifest]));
const ours = (names: readonly string[]) => names.filter((name) => name.startsWith("@postbus/"));

interface Import {
  readonly file: string;
  readonly specifier: string;
}

/** What the files below `folder` import, in static, dynamic and type imports. */
function importsIn({ directory }: Manifest, folder: "src" | "test"): Import[] {
  return globSync(`${folder}/**/*.ts`, { cwd: directory }).flatMap((file) => {
    const source = readFileSync(resolve(directory, file), "utf8");
    const found = source.matchAll(
      /^(?:import|export)\b[^"'=;()]*\sfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm,
    );
    return [...found].map((match) => ({ file, specifier: match[1] ?? match[2] ?? match[3] ?? "" }));
  });
}

/** `@scope/name/sub/path` → `@scope/name`. */
function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

for (const manifest of packages) {
  const { name, layer, dependencies, devDependencies, directory, version } = manifest;

  test(`${name} says its layer and depends downwards only`, () => {
    assert.notEqual(layer, -1, `"postbus": { "layer": … } must be one of ${layers.join(", ")}`);
    for (const dependency of ours(dependencies)) {
      const target = byName.get(dependency);
      assert.ok(target, `${dependency} is not in this workspace`);
      assert.ok(target.layer <= layer, `${name} (${layers[layer]}) → ${dependency} (${layers[target.layer]})`);
      const isServiceImport = layers[target.layer] === "services" && layers[layer] !== "program";
      assert.ok(!isServiceImport, `a service is imported: ${dependency}; services meet on the bus only`);
    }
  });

  test(`${name} imports only what its manifest declares`, () => {
    const isDeclared = (specifier: string, declared: readonly string[]) =>
      specifier.startsWith(".") || isBuiltin(specifier) || declared.includes(packageOf(specifier));
    for (const { file, specifier } of importsIn(manifest, "src")) {
      assert.ok(isDeclared(specifier, dependencies), `${file} imports ${specifier}: add it to dependencies`);
    }
    for (const { file, specifier } of importsIn(manifest, "test")) {
      const declared = [...dependencies, ...devDependencies, name];
      assert.ok(isDeclared(specifier, declared), `${file} imports ${specifier}: add it to devDependencies`);
    }
  });

  test(`${name} reaches other packages by name, not by path`, () => {
    for (const { file, specifier } of [...importsIn(manifest, "src"), ...importsIn(manifest, "test")]) {
      if (isBuiltin(specifier)) assert.ok(specifier.startsWith("node:"), `${file}: write node:${specifier}`);
      if (!specifier.startsWith(".")) continue;
      const target = relative(directory, resolve(directory, dirname(file), specifier));
      assert.ok(!target.startsWith(".."), `${file} imports ${specifier}`);
      assert.ok(!file.startsWith("src") || !target.startsWith("test"), `${file} imports a test's file: ${specifier}`);
    }
  });

  test(`${name} has a README of a screen and file names that say something`, () => {
    const readme = readFileSync(resolve(directory, "README.md"), "utf8");
    const lines = readme.split("\n").length;
    assert.ok(lines >= 8 && lines <= 120, `README.md has ${lines} lines`);
    for (const file of globSync("{src,test}/**/*.ts", { cwd: directory })) {
      const base = file.split("/").at(-1) ?? "";
      assert.ok(!EMPTY_NAMES.test(base), `${file}: a function that fits nowhere shows a missing subject`);
    }
  });

  test(`${name} carries the version of the workspace`, () => assert.equal(version, rootManifest.version));
}

test("values do no input or output: nothing but pure built-ins is imported", () => {
  const pure = new Set(["node:buffer", "node:crypto", "node:net", "node:util", "node:punycode"]);
  for (const manifest of packages.filter(({ layer }) => layers[layer] === "values")) {
    for (const { file, specifier } of importsIn(manifest, "src")) {
      assert.ok(!isBuiltin(specifier) || pure.has(specifier), `${manifest.name} ${file} imports ${specifier}`);
    }
  }
});

test("no package depends on itself through others", () => {
  const finished = new Set<string>();
  const walk = (name: string, path: readonly string[]): void => {
    assert.ok(!path.includes(name), `cycle: ${[...path, name].join(" → ")}`);
    if (finished.has(name)) return;
    for (const dependency of ours(byName.get(name)?.dependencies ?? [])) walk(dependency, [...path, name]);
    finished.add(name);
  };
  for (const { name } of packages) walk(name, []);
});

test("every package and service of the layout is there", () => {
  const services = ["gateway", "verifier", "scanner", "router", "delivery", "logger", "status", "postbus"];
  for (const name of services) assert.ok(byName.has(`@postbus/${name}`), `services/${name}`);
});

test("a command that runs no service does not load what runs services, which takes longer than most commands", () => {
  const directory = byName.get("@postbus/postbus")?.directory ?? "";
  const loading = globSync("src/**/*.ts", { cwd: directory }).filter((file) =>
    /(?:^import (?!type )[^;]*from |\bimport\()"@postbus\/service-kit"/m.test(
      readFileSync(resolve(directory, file), "utf8"),
    ),
  );
  assert.deepEqual(loading.sort(), ["src/commands/provision.ts", "src/commands/start.ts"]);
});
