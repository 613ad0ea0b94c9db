import { pathToFileURL } from 'node:url';

/** Imports the bundles named by the arguments, one after the other, and sends each an event that is none; prints what they answer. */
for (const file of process.argv.slice(2)) {
  const { handler } = (await import(pathToFileURL(file).href)) as {
    handler: (event: unknown, context: unknown) => Promise<unknown>;
  };
  const context = {
    functionName: 'bundle',
    awsRequestId: 'request-1',
    getRemainingTimeInMillis: () => 60_000,
  };
  const answer = await handler({ nonsense: true }, context).then(
    () => 'an answer',
    (error: unknown) => (error as Error).name,
  );
  process.stderr.write(`${JSON.stringify({ file, answer })}\n`);
}
