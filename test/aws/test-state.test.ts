import { SFNClient, TestStateCommand, type TestStateCommandOutput } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseDefinition } from '../../local/engine/parse-definition.ts';
import { testAccount } from './account.ts';
import { recordVisits } from './record-visits.ts';
import type { StateVisit } from './state-visits.ts';
import { definitionOf, differencesOf, testOf } from './test-state.ts';

const sfn = mockClient(SFNClient);
const client = new SFNClient({});

/** What Step Functions answers where it agrees with the embedded engine. */
function agreeing({ answer, output, next }: StateVisit): Partial<TestStateCommandOutput> {
  const failed = answer !== undefined && 'error' in answer;
  return {
    status: failed ? 'CAUGHT_ERROR' : 'SUCCEEDED',
    output,
    ...(next === null ? {} : { nextState: next }),
  };
}

describe('the tests of states in an account', () => {
  let visits: StateVisit[];
  beforeAll(async () => {
    visits = await recordVisits();
  }, 60_000);
  beforeEach(() => sfn.reset());
  const visitOf = (state: string, failed = false) => {
    const visit = visits.find(
      (one) =>
        one.state === state && (one.answer !== undefined && 'error' in one.answer) === failed,
    );
    if (visit === undefined) throw new Error(`${state} was not visited.`);
    return visit;
  };

  it('ask about most states of all machines, failures too', () => {
    const states = new Set(visits.map(({ machine, state }) => `${machine}/${state}`));

    expect(states.size).toBeGreaterThanOrEqual(60);
    expect(new Set(visits.map(({ machine }) => machine)).size).toBe(5);
    expect(visits.filter(({ answer }) => answer !== undefined && 'error' in answer)).not.toEqual(
      [],
    );
  });

  it('give TestState a whole definition, the variables at the entry, and what the service answered', () => {
    const request = testOf(visitOf('PollImage'));

    expect(() => parseDefinition(request?.definition ?? '')).not.toThrow();
    expect(request?.stateName).toBe('PollImage');
    expect(JSON.parse(request?.variables ?? '')).toMatchObject({
      disk: { disk: 0 },
      snapshotWaitSeconds: 1,
    });
    expect(JSON.parse(request?.mock?.result ?? '')).toMatchObject({ StatusCode: 200 });
    expect(request?.roleArn).toBeUndefined();
  });

  it('give a Choice no mock, which TestState would refuse', () => {
    const request = testOf(visitOf('ImageReady?'));

    expect(request).toBeDefined();
    expect(request).not.toHaveProperty('mock');
    expect(request).not.toHaveProperty('context');
  });

  it('find no difference where Step Functions does as the embedded engine', async () => {
    for (const visit of visits) {
      sfn.on(TestStateCommand).resolves(agreeing(visit));
      expect(await differencesOf(client, visit)).toEqual([]);
    }
  });

  it('name what is different: the state that follows, the output, an error that is not caught', async () => {
    const visit = visitOf('CommitCheckpoint');
    const answers: [Partial<TestStateCommandOutput>, RegExp][] = [
      [
        { ...agreeing(visit), nextState: 'Elsewhere' },
        /goes to Elsewhere, not DeleteServerSnapshot/,
      ],
      [{ ...agreeing(visit), output: '{"a":1}' }, /gives \{"a":1\}/],
      [{ ...agreeing(visit), status: 'RETRIABLE' }, /RETRIABLE .* not SUCCEEDED/],
    ];
    for (const [answer, message] of answers) {
      sfn.on(TestStateCommand).resolves(answer);
      expect(await differencesOf(client, visit)).toEqual([expect.stringMatching(message)]);
    }
  });

  it('need every placeholder to have a value', () => {
    for (const { machine } of visits) {
      expect(definitionOf({ machine, longPasses: 'function' })).not.toContain('${');
    }
  });
});

describe('an account for the tests', () => {
  const all = {
    SNAPBANK_TEST_AWS: '1',
    AWS_REGION: 'eu-central-1',
    AWS_PROFILE: 'test',
    SNAPBANK_TEST_AWS_CLOUD_SECRET: 'test/cloud',
    SNAPBANK_TEST_AWS_KEY_SECRET: 'test/key',
  };

  it.each([
    ['SNAPBANK_TEST_AWS', /costs money.*SNAPBANK_TEST_AWS=1/],
    ['AWS_REGION', /AWS_REGION/],
    ['AWS_PROFILE', /credentials/],
    ['SNAPBANK_TEST_AWS_CLOUD_SECRET', /tunnel/],
    ['SNAPBANK_TEST_AWS_KEY_SECRET', /key file/],
  ])('is refused without %s', (name, message) => {
    expect(() => testAccount({ ...all, [name]: '' })).toThrow(message);
  });

  it('is taken when all is there', () => {
    expect(testAccount(all)).toEqual({
      region: 'eu-central-1',
      cloudSecret: 'test/cloud',
      keySecret: 'test/key',
    });
  });
});
