import { runCommandLine } from './run.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  onStopRequest: (listener) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        listener();
        // Whoever asks again does not want to wait for good order.
        process.once(signal, () => process.exit(1));
      });
    }
  },
});
// Connections that are kept alive for a next request would keep the process for as long.
process.exit();
