import { containerServices } from './container-services.ts';
import { runInContainer } from './run-in-container.ts';

// ECS sends SIGTERM when the execution is stopped, and waits.
const stopped = new AbortController();
process.once('SIGTERM', () => stopped.abort(new Error('The task was stopped.')));

const [state = '', input = ''] = process.argv.slice(2);
try {
  await runInContainer(containerServices(process.env), { state, input }, stopped.signal);
} catch (error) {
  const { name, message } = error as Error;
  process.stderr.write(`${JSON.stringify({ state, error: name, message })}\n`);
  process.exitCode = 1;
}
