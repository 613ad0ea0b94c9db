import { SFNClient } from '@aws-sdk/client-sfn';
import type { Clock } from '../../lib/clock.ts';
import { InvalidInput } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { type RetryPolicy, retry } from '../../lib/retry.ts';
import { codeOf, isPassing, stepFunctionsError } from './sfn-errors.ts';

/** Step Functions in a region, and how requests to it are repeated. */
export interface StepFunctions {
  readonly client: SFNClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly patience: RetryPolicy;
}

/** Before anything is started nobody wants to wait long to be told of a wrong region. */
const IMPATIENT: RetryPolicy = {
  attempts: 7,
  firstWaitMs: 250,
  longestWaitMs: 8_000,
  deadlineMs: 60_000,
};

/** While an execution is watched, networks come back and rates fall. */
export const PATIENT: RetryPolicy = {
  attempts: 200,
  firstWaitMs: 500,
  longestWaitMs: 30_000,
  deadlineMs: 15 * 60_000,
};

const ATTEMPT_MILLISECONDS = 30_000;
const CONNECT_MILLISECONDS = 10_000;

export interface StepFunctionsOptions {
  env: Readonly<Record<string, string | undefined>>;
  /** Of the ARN that the user gave; else the SDK's chain (AWS_REGION, profile). */
  region: string | undefined;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

/** The client never repeats a request by itself: `callStepFunctions` does. Throws `InvalidInput` where no region is set. */
export async function connectStepFunctions(options: StepFunctionsOptions): Promise<StepFunctions> {
  const { env, region, clock, log, signal } = options;
  const endpoint = env['AWS_ENDPOINT_URL_SFN'] ?? env['AWS_ENDPOINT_URL'] ?? '';
  if (endpoint !== '' && URL.parse(endpoint) === null) {
    throw new InvalidInput(
      'AWS_ENDPOINT_URL_SFN must be a URL such as https://states.eu-central-1.amazonaws.com.',
    );
  }
  const client = new SFNClient({
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MILLISECONDS,
      socketTimeout: ATTEMPT_MILLISECONDS,
    },
    ...(region === undefined ? {} : { region }),
    ...(endpoint === '' ? {} : { endpoint }),
  });
  const known = await client.config.region().catch(() => '');
  if (known === '') {
    throw new InvalidInput(
      'No AWS region is set. Set AWS_REGION, or a profile that has one (AWS_PROFILE), or give --on the ARN of a state machine.',
    );
  }
  return { client, clock, log, signal, patience: IMPATIENT };
}

/**
 * Sends a request until it succeeds, within the patience, each attempt with a deadline. All requests that we send may be repeated: an
 * execution is started by its name. `action` is the permission that it takes, such as `states:ListExecutions`.
 */
export async function callStepFunctions<T>(
  { client, clock, log, signal, patience }: StepFunctions,
  action: string,
  request: (client: SFNClient, options: { abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const attempt = () => {
    const deadline = AbortSignal.timeout(ATTEMPT_MILLISECONDS);
    return request(client, { abortSignal: AbortSignal.any([signal, deadline]) });
  };
  try {
    return await retry(attempt, {
      policy: patience,
      clock,
      signal,
      judge: (error) => ({ again: isPassing(error) }),
      onRetry: (error, waitMs) => {
        log.debug(`${action} is tried again`, { code: codeOf(error), waitMs });
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw stepFunctionsError(error, action, await client.config.region());
  }
}
