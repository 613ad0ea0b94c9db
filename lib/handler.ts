import middy from '@middy/core';
import * as z from 'zod';
import { bareError } from './bare-error.ts';
import { KeyMissing } from './bank/errors.ts';
import { DeadlineExceeded, InvalidInput, SnapbankError } from './errors.ts';
import { redactUrls } from './http/redact.ts';
import type { Services } from './services.ts';
import { forgetServices, servicesFromEnvironment } from './services-from-environment.ts';
import type { Call, StateFunction } from './state-function.ts';

/** The part of Lambda's context that is used; the embedded engine gives the same and a signal. */
export interface InvocationContext {
  readonly functionName: string;
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
  readonly signal?: AbortSignal;
}

/** Time kept back for closing what is open, before Lambda ends the function. */
const MARGIN_MILLISECONDS = 5_000;

/**
 * The Lambda handler of a state function, and what the embedded engine calls: checks the input, gives the function a signal that
 * aborts before its time is over, logs the outcome. Errors go out with their names, which a state machine matches; of foreign ones
 * nothing else but message and stack does.
 *
 * middy's own early timeout stays off: it would throw away what a handler returns when it is told to stop.
 */
export function handlerOf<Input, Output>(
  definition: StateFunction<Input, Output>,
  services: () => Services = servicesFromEnvironment,
) {
  return middy<Input, Output, Error, InvocationContext>({ timeoutEarlyInMillis: 0 })
    .before((request) => {
      request.event = checkedInput(definition, request.event);
    })
    .onError((request) => {
      const { error, event } = request;
      if (error instanceof Error) logFailure(services(), definition.name, event, error);
      if (error instanceof KeyMissing) forgetServices();
      if (error instanceof Error && !(error instanceof SnapbankError)) {
        request.error = bareError(error);
      }
    })
    .handler(async (input, context) => {
      const { call, release } = callOf(definition.name, context);
      try {
        return await definition.run(services(), input, call);
      } finally {
        release();
      }
    });
}

function checkedInput<Input>(definition: StateFunction<Input, unknown>, event: unknown): Input {
  const result = definition.input.safeParse(event);
  if (result.success) return result.data;
  throw new InvalidInput(`${definition.name}: ${z.prettifyError(result.error)}`);
}

function callOf(name: string, context: InvocationContext): { call: Call; release: () => void } {
  const timeUp = new AbortController();
  const timer = setTimeout(
    () => {
      timeUp.abort(new DeadlineExceeded(`${name} did not end within its function's time.`));
    },
    Math.min(Math.max(context.getRemainingTimeInMillis() - MARGIN_MILLISECONDS, 0), 2 ** 31 - 1),
  );
  timer.unref();
  return {
    call: {
      signal:
        context.signal === undefined
          ? timeUp.signal
          : AbortSignal.any([context.signal, timeUp.signal]),
      remainingMilliseconds: () => context.getRemainingTimeInMillis(),
    },
    release: () => {
      clearTimeout(timer);
    },
  };
}

function logFailure(services: Services, name: string, event: unknown, error: Error): void {
  services.log.info(`${name} failed`, {
    state: name,
    error: error.name,
    message: redactUrls(error.message),
    ...(error instanceof SnapbankError ? { identifiers: error.identifiers } : {}),
    cause:
      error.cause instanceof Error
        ? `${error.cause.name}: ${redactUrls(error.cause.message)}`
        : undefined,
    ...identifiersOf(event),
  });
}

/** The ids that most inputs carry, for finding a server's lines in a log. */
function identifiersOf(event: unknown): Record<string, unknown> {
  if (typeof event !== 'object' || event === null) return {};
  const { execution, checkpoint, serverId } = event as Record<string, unknown>;
  return { execution, checkpoint, serverId };
}
