import { describe, expect, it } from 'vitest';
import { check, type Model } from './checker.ts';
import { lossWithout, normal } from './configurations.ts';
import { protocol } from './protocol.ts';
import { type Rule, rules } from './rules.ts';
import { COLLECTING, type Configuration, GONE, STATE } from './world.ts';

describe('the record protocol', () => {
  it.each(normal)('loses nothing: $name', (configuration) => {
    const { outcome, trace } = check(protocol(configuration));

    expect({ outcome, trace }).toEqual({ outcome: 'safe', trace: [] });
  });

  it.each(Object.keys(rules) as Rule[])('needs every rule: %s', (rule) => {
    const { outcome, trace } = check(protocol(lossWithout[rule], [rule]));

    expect(outcome).toBe('violated');
    expect(trace.at(-1)).toMatch(/^(LOSS|BROKEN): /);
  });

  it('collects what nobody needs', () => {
    const [configuration] = normal as [Configuration];

    expect(check(reaching(configuration, isFirstRecordGone)).outcome).toBe('violated');
  });

  it('does not give back what a collector has taken up', () => {
    const [configuration] = normal as [Configuration];
    const model = protocol(configuration);
    let givenBack = false;
    const watched: Model = {
      ...model,
      successors: (state, emit) => {
        const before = state[STATE] ?? 0;
        model.successors(state, (step, next) => {
          const after = next[STATE] ?? 0;
          if (before >= COLLECTING && after < before) givenBack = true;
          emit(step, next);
        });
      },
    };

    check(watched);

    expect(givenBack).toBe(false);
  });
});

function isFirstRecordGone(state: Uint8Array): boolean {
  return state[STATE] === GONE;
}

/** Takes for a violation what should be reached. */
function reaching(configuration: Configuration, wanted: (state: Uint8Array) => boolean): Model {
  return {
    ...protocol(configuration),
    violation: (state) => (wanted(state) ? 'reached' : undefined),
  };
}
