import { copyFileSync, globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type BuildOptions, buildSync } from 'esbuild';
import { PROJECT_ROOT } from './definitions.ts';

/**
 * Packages in CommonJS call `require`, which an ES module does not have. The name cannot meet one of theirs.
 */
const BANNER =
  "import { createRequire as topLevelCreateRequire } from 'node:module'; const require = topLevelCreateRequire(import.meta.url);";

/** One run of esbuild, no docker, no network. */
function bundle(entryPoints: { in: string; out: string }[], directory: string): void {
  const options: BuildOptions = {
    absWorkingDir: PROJECT_ROOT,
    entryPoints,
    outdir: directory,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // The SDK is bundled too: the one that was tested is the one that runs.
    external: [],
    mainFields: ['module', 'main'],
    outExtension: { '.js': '.mjs' },
    banner: { js: BANNER },
    // Names of classes and readable stack traces are worth more than the bytes.
    minify: false,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
  };
  buildSync(options);
}

/** Bundles every file of functions/ into `directory`/<name>/index.mjs. */
export function bundleFunctions(directory: string): void {
  const files = globSync('functions/*.ts', { cwd: PROJECT_ROOT });
  bundle(
    files.map((file) => ({ in: file, out: join(basename(file, '.ts'), 'index') })),
    directory,
  );
}

/** Puts what the image of the containers is built from into `directory`. */
export function bundleContainer(directory: string): void {
  bundle([{ in: 'functions/container/main.ts', out: 'index' }], directory);
  copyFileSync(
    join(PROJECT_ROOT, 'functions', 'container', 'Dockerfile'),
    join(directory, 'Dockerfile'),
  );
}
