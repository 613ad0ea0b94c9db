import { printCrash } from './crash.ts';
import { runCommandLine } from './run.ts';

/** Systems that end all processes of a group, and launchers that pass signals on, tell a process twice what is meant once. */
const SAME_WISH_MILLISECONDS = 300;

/** The exit code of a command that was stopped, in good order or at once, or that crashed. */
const FAILED = 1;

// Another parent may well let go of its channel to a command that is to go on.
const stopsWithLauncher = process.env['SNAPBANK_STOP_AT_DISCONNECT'] !== undefined;
delete process.env['SNAPBANK_STOP_AT_DISCONNECT'];

// Rejections that nobody handles come here, too.
process.on('uncaughtException', (thrown) => {
  printCrash(thrown, process, process.argv.includes('--json'));
  process.exit(FAILED);
});

// A reader that has gone (`snapbank checkpoints | head -1`) ends the output, not the work.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  onStopRequest: (listener) => {
    let askedAt: number | undefined;
    const stop = () => {
      // Whoever asks again does not want to wait for good order.
      if (askedAt !== undefined && performance.now() - askedAt > SAME_WISH_MILLISECONDS) {
        process.stderr.write(
          'snapbank: Ended at once. What it was about is left as it is; run the same command again to continue.\n',
        );
        process.exit(FAILED);
      }
      askedAt ??= performance.now();
      listener();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
    if (!stopsWithLauncher) return;
    process.on('disconnect', () => {
      askedAt ??= performance.now();
      listener();
    });
    process.channel?.unref();
  },
});
// Connections that are kept alive for a next request would keep the process for as long.
process.exit();
