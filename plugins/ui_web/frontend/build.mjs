// Bundles src/app.ts and src/app.css with hashed names; writes manifest.json and the licences of what is bundled.
import * as esbuild from "esbuild";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const at = process.argv.indexOf("--out");
const out = at > 0 ? process.argv[at + 1] : "../src/codeforge_ui_web/static";
const options = {
  entryPoints: ["src/app.ts", "src/app.css"],
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: "linked",
  entryNames: "[name]-[hash]",
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
  plugins: [{ name: "manifest", setup: (build) => build.onEnd(finish) }],
};

function finish({ metafile }) {
  if (!metafile) return;
  const manifest = {};
  const packages = new Set();
  for (const [file, made] of Object.entries(metafile.outputs)) {
    if (made.entryPoint) manifest[path.basename(made.entryPoint).replace(/\.ts$/, ".js")] = path.basename(file);
    for (const input of Object.keys(made.inputs)) {
      const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/);
      if (found) packages.add(found[1]);
    }
  }
  copyFileSync("src/icon.svg", path.join(out, "icon.svg"));
  writeFileSync(path.join(out, "THIRD_PARTY_NOTICES.txt"), [...packages].sort().map(notice).join("\n\n"));
  writeFileSync(path.join(out, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n"); // last: it says "built"
}

function notice(name) {
  const folder = `node_modules/${name}`;
  const about = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  return `${name} ${about.version} (${about.license})\n${licence ? readFileSync(`${folder}/${licence}`, "utf8") : ""}`;
}

if (process.argv.includes("--watch")) {
  await (await esbuild.context(options)).watch();
} else {
  rmSync(out, { recursive: true, force: true });
  await esbuild.build(options);
}
