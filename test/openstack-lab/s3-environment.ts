import { resolve } from 'node:path';
import { labEnvironment } from './lab.ts';

/** The S3 lab's variables; undefined where it is not up. In CI that is a failure like any other. */
export async function s3Environment(): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    const env = labEnvironment(resolve(import.meta.dirname, '../s3-lab/lab.sh'));
    await fetch(env['AWS_ENDPOINT_URL_S3'] ?? '', { signal: AbortSignal.timeout(5_000) });
    return env;
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    return undefined;
  }
}
