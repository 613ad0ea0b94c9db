import { runCommandLine } from './run.ts';

/** Systems that end all processes of a group, and launchers that pass signals on, tell a process twice what is meant once. */
const SAME_WISH_MILLISECONDS = 300;

/** The exit code of a command that was stopped, in good order or at once: it has failed. */
const STOPPED = 1;

// Another parent may well let go of its channel to a command that is to go on.
const stopsWithLauncher = process.env['SNAPBANK_STOP_AT_DISCONNECT'] !== undefined;
delete process.env['SNAPBANK_STOP_AT_DISCONNECT'];

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
        process.exit(STOPPED);
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
