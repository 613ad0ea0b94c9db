import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { InvalidInput } from '../../lib/errors.ts';
import { handlerOf } from '../../lib/handler.ts';
import type { LogFields } from '../../lib/log.ts';
import type { Services } from '../../lib/services.ts';
import { type Call, stateFunction } from '../../lib/state-function.ts';

const logged: [string, LogFields | undefined][] = [];
const services = {
  log: {
    debug() {},
    info: (message: string, fields?: LogFields) => logged.push([message, fields]),
    warn() {},
  },
} as unknown as Services;

function contextOf(milliseconds: number, signal?: AbortSignal) {
  return {
    functionName: 'Double',
    awsRequestId: 'request-1',
    getRemainingTimeInMillis: () => milliseconds,
    ...(signal === undefined ? {} : { signal }),
  };
}

function doubling(onCall: (call: Call) => Promise<void> = async () => {}) {
  const definition = stateFunction({
    name: 'Double',
    input: z.strictObject({ checkpoint: z.string(), number: z.number() }),
    async run(_services, { number }, call) {
      await onCall(call);
      if (number < 0) throw new InvalidInput('negative');
      return { doubled: number * 2 };
    },
  });
  return handlerOf(definition, () => services) as (
    event: unknown,
    context: unknown,
  ) => Promise<unknown>;
}

describe('a handler', () => {
  it('gives the function its checked input and returns what it returns', async () => {
    expect(await doubling()({ checkpoint: 'c', number: 4 }, contextOf(60_000))).toEqual({
      doubled: 8,
    });
  });

  it.each([
    [{}],
    [{ checkpoint: 'c', number: 'four' }],
    [{ checkpoint: 'c', number: 4, more: 1 }],
    [null],
  ])('refuses %j as InvalidInput that names the state', async (event) => {
    await expect(doubling()(event, contextOf(60_000))).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.stringMatching(/^Double: /),
    });
  });

  it('lets an error out under its own name, and logs it with the ids of the input', async () => {
    logged.length = 0;

    await expect(
      doubling()({ checkpoint: 'c-1', number: -1 }, contextOf(60_000)),
    ).rejects.toMatchObject({
      name: 'InvalidInput',
    });

    expect(logged).toEqual([
      ['Double failed', expect.objectContaining({ error: 'InvalidInput', checkpoint: 'c-1' })],
    ]);
  });

  it('lets out of a foreign error name, message and stack, without what libraries hang on it and what is secret in URLs', async () => {
    const url = 'https://user:pass@s3.example.org/disk?X-Amz-Signature=canary';
    const cause = Object.assign(new Error(`no ${url}`), { config: { token: 'canary' } });
    const foreign = new TypeError(`GET ${url} failed`, { cause });
    Object.assign(foreign, { config: { headers: { 'x-auth-token': 'canary' } } });
    const handler = doubling(() => Promise.reject(foreign));

    const out: unknown = await handler({ checkpoint: 'c', number: 4 }, contextOf(60_000)).catch(
      (error: unknown) => error,
    );

    expect(out).toMatchObject({
      name: 'TypeError',
      message: 'GET https://s3.example.org/disk?… failed',
      stack: expect.stringContaining('handler.test.ts'),
    });
    const shown = inspect([out, logged], { depth: 9, showHidden: true });
    expect(shown).toContain('https://s3.example.org/disk?…');
    expect(shown).not.toMatch(/canary|pass@/);
  });

  it('tells the function to stop when the execution is stopped', async () => {
    const stop = new AbortController();
    const handler = doubling(async ({ signal }) => {
      stop.abort(new Error('stopped'));
      signal.throwIfAborted();
    });

    await expect(
      handler({ checkpoint: 'c', number: 1 }, contextOf(60_000, stop.signal)),
    ).rejects.toThrow('stopped');
  });

  it('tells the function to stop before its time is over', async () => {
    const handler = doubling(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      signal.throwIfAborted();
    });

    await expect(handler({ checkpoint: 'c', number: 1 }, contextOf(5_001))).rejects.toMatchObject({
      name: 'DeadlineExceeded',
    });
  });
});
