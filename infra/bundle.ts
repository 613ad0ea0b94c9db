import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildSync } from 'esbuild';
import { PROJECT_ROOT } from './definitions.ts';

/**
 * Packages in CommonJS call `require`, which an ES module does not have. The name cannot meet one of theirs.
 */
const BANNER =
  "import { createRequire as topLevelCreateRequire } from 'node:module'; const require = topLevelCreateRequire(import.meta.url);";

/** Bundles every file of functions/ into `directory`/<name>/index.mjs: one run of esbuild, no docker, no network. */
export function bundleFunctions(directory: string): void {
  const files = globSync('functions/*.ts', { cwd: PROJECT_ROOT });
  buildSync({
    absWorkingDir: PROJECT_ROOT,
    entryPoints: files.map((file) => ({ in: file, out: join(basename(file, '.ts'), 'index') })),
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
  });
}
