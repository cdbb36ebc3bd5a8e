// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Checks that imports only point down, `main.ts -> client | server -> protocol`,
 * in every file of the program: static, dynamic and type imports as `deno info`
 * sees them, and what Workers are started from. One line per violation.
 *
 *     deno task layers            this project
 *     deno task layers FOLDER     another tree of the same shape
 */
import { fromFileUrl, join, relative, resolve, toFileUrl } from "@std/path";
import { ROOT } from "./build.ts";
import { messageOf } from "./interrupt.ts";

/** The parts of the program, each with the parts that it may import. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "main.ts": ["client", "server", "protocol"],
  client: ["client", "protocol"],
  server: ["server", "protocol"],
  protocol: ["protocol"],
};
/** Data, not code, that every part may import: the version stands in it. */
const SHARED_DATA = "deno.json";

const FILE_ACCESS_REASON =
  "protocol/ takes and gives bytes and does no file I/O";
const CYCLE_REASON = "files that import each other are not understood apart";
const BARREL_REASON =
  "no barrels: import the file that has the thing, so that a reader lands on it";
const DEFAULT_EXPORT_REASON =
  "no default exports: a thing has the same name wherever it is imported";

const FILE_MODULE = /^node:(fs|fs\/promises|sqlite|child_process)$/;
const FILE_ACCESS = new RegExp(
  "\\bDeno\\.(Command|FsFile|copyFile|makeTemp\\w+|realPath\\w*|watchFs" +
    "|(open|create|read\\w+|write\\w+|l?stat|mkdir|remove|rename|truncate" +
    "|symlink|link|chmod|chown|utime|chdir|cwd)(Sync)?)\\b",
);
const WORKER_URL = /new URL\(\s*"(\.[^"]+\.ts)",\s*import\.meta\.url/g;

/** One file of the program needs another, or a module from elsewhere. */
interface Edge {
  from: string;
  to: string;
  line: number;
}

/** What is read here of the answer of `deno info --json`. */
interface Info {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      specifier: string;
      code?: Target;
      type?: Target;
    }[];
  }[];
}
interface Target {
  specifier?: string;
  error?: string;
  span: { start: { line: number } };
}

/** Every violation below `root` as a line to print. */
export async function checkLayers(root: string): Promise<string[]> {
  const files = await programFiles(root);
  const { edges, broken } = readInfo(root, files, await denoInfo(root, files));
  const found = broken;
  for (const file of files) {
    const text = await Deno.readTextFile(join(root, file));
    edges.push(...workerEdges(root, file, text));
    found.push(...textViolations(file, text));
  }
  for (const { from, to, line } of edges) {
    const reason = whyForbidden(from, to);
    if (reason) found.push(`${from}:${line}: imports ${to}: ${reason}`);
  }
  return [...found.sort(), ...cycles(edges)];
}

/** The code of the program, as paths from the root: an unused file counts too. */
async function programFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  async function walk(folder: string): Promise<void> {
    for await (
      const { name, isDirectory } of Deno.readDir(join(root, folder))
    ) {
      const path = folder === "." ? name : `${folder}/${name}`;
      const isPart = Object.hasOwn(MAY_IMPORT, partOf(path));
      if (isPart && isDirectory) await walk(path);
      else if (isPart && /\.[mc]?[jt]sx?$/.test(name)) files.push(path);
    }
  }
  await walk(".");
  if (files.length === 0) throw new Error(`no program in ${root}`);
  return files.sort();
}

/** `deno info` of all files at once, through a root that imports each of them. */
async function denoInfo(root: string, files: string[]): Promise<Info> {
  const imports = files.map((file) =>
    `import "${toFileUrl(join(root, file))}";`
  );
  const entry = `data:text/javascript,${
    encodeURIComponent(imports.join("\n"))
  }`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The imports of the program's files, and lines about those that lead nowhere. */
function readInfo(
  root: string,
  files: string[],
  info: Info,
): { edges: Edge[]; broken: string[] } {
  const edges: Edge[] = [];
  const broken: string[] = [];
  for (const { specifier, error, dependencies = [] } of info.modules) {
    const from = nameOf(root, specifier);
    if (error) broken.push(`${from}: ${error}`);
    if (!files.includes(from)) continue;
    for (const { specifier, code, type } of dependencies) {
      const target = code ?? type;
      if (target === undefined) continue;
      const line = target.span.start.line + 1;
      if (target.specifier === undefined) {
        broken.push(`${from}:${line}: ${specifier}: ${target.error}`);
      } else {
        edges.push({ from, to: nameOf(root, target.specifier), line });
      }
    }
  }
  return { edges, broken };
}

/** A Worker's module is named by a URL, which is no import for `deno info`. */
function workerEdges(root: string, from: string, text: string): Edge[] {
  const base = toFileUrl(join(root, from));
  return [...text.matchAll(WORKER_URL)].map(({ 1: path, index }) => ({
    from,
    to: nameOf(root, new URL(path!, base).href),
    line: text.slice(0, index).split("\n").length,
  }));
}

function textViolations(file: string, text: string): string[] {
  const found: string[] = [];
  if (/(^|\/)(mod|index)\.\w+$/.test(file)) {
    found.push(`${file}: ${BARREL_REASON}`);
  }
  for (const [index, line] of text.split("\n").entries()) {
    const at = `${file}:${index + 1}`;
    if (/^export \* /.test(line)) found.push(`${at}: ${BARREL_REASON}`);
    if (/^export (default\b|\{[^}]*\bas default\b)/.test(line)) {
      found.push(`${at}: ${DEFAULT_EXPORT_REASON}`);
    }
    const isComment = /^\s*(\/\/|\/?\*)/.test(line);
    if (partOf(file) === "protocol" && !isComment && FILE_ACCESS.test(line)) {
      found.push(`${at}: ${FILE_ACCESS_REASON}`);
    }
  }
  return found;
}

/** The reason of the rule that an import breaks; undefined, if it breaks none. */
function whyForbidden(from: string, to: string): string | undefined {
  const [user, used] = [partOf(from), partOf(to)];
  if (user === "protocol" && FILE_MODULE.test(to)) return FILE_ACCESS_REASON;
  if (/^[a-z]+:/.test(to) || to === SHARED_DATA) return undefined;
  if (MAY_IMPORT[user]?.includes(used)) return undefined;
  if (used === "main.ts") return "nothing imports main.ts, it only hands over";
  if (used === "tests" || used === "scripts") {
    return "tests/ and scripts/ are no part of the program";
  }
  if (!Object.hasOwn(MAY_IMPORT, used)) {
    return "the program is main.ts, client/, server/ and protocol/, and no more";
  }
  return user === "protocol"
    ? "protocol/ is the wire and nothing else: imports only point down"
    : "client/ and server/ never meet: what both need belongs in protocol/";
}

/** One line per cycle, in the order in which its files import each other. */
function cycles(edges: Edge[]): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  function visit(file: string, path: string[]): void {
    const start = path.indexOf(file);
    if (start >= 0) {
      const cycle = [...path.slice(start), file].join(" -> ");
      found.push(`${file}: cycle ${cycle}: ${CYCLE_REASON}`);
    }
    if (start >= 0 || done.has(file)) return;
    for (const { from, to } of edges) {
      if (from === file) visit(to, [...path, file]);
    }
    done.add(file);
  }
  for (const { from } of edges) visit(from, []);
  return found;
}

/** A file's path from the root; other modules keep their own name. */
function nameOf(root: string, specifier: string): string {
  const base = toFileUrl(root).href + "/";
  if (specifier.startsWith(base)) {
    return decodeURIComponent(specifier.slice(base.length));
  }
  return specifier.startsWith("file:")
    ? relative(root, fromFileUrl(specifier))
    : specifier;
}

function partOf(file: string): string {
  return file.split("/", 1)[0]!;
}

if (import.meta.main) {
  const root = Deno.args[0] === undefined ? ROOT : resolve(Deno.args[0]);
  let violations: string[];
  try {
    violations = await checkLayers(root);
  } catch (error) {
    violations = [messageOf(error)];
  }
  for (const violation of violations) console.error(`layers: ${violation}`);
  if (violations.length > 0) Deno.exit(1);
  console.log("layers: imports only point down");
}
