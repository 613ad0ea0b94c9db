import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { acceptedDifferences, notReplayed } from './differences.ts';
import { recordingNames } from './recordings.ts';
import { replaySession } from './session/replay-session.ts';
import { setStage, type Stage } from './stage.ts';

describe('the demo cloud beside the recorded OpenStack', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await setStage();
    await replaySession(stage);
  }, 60_000);
  afterAll(() => stage.close());

  it.each(recordingNames.filter((name) => !Object.hasOwn(notReplayed, name)))(
    'answers as in %s',
    (name) => {
      const differences = stage.replayer.differences
        .filter(({ recording }) => recording === name)
        .filter(
          ({ path }) =>
            !acceptedDifferences.some((each) => each.recording.test(name) && each.path.test(path)),
        );

      expect(stage.replayer.replayed).toContain(name);
      expect(differences).toEqual([]);
    },
  );

  it.each(acceptedDifferences)('needs the accepted difference: $reason', (accepted) => {
    const needed = stage.replayer.differences.filter(
      ({ recording, path }) => accepted.recording.test(recording) && accepted.path.test(path),
    );

    expect(needed).not.toEqual([]);
  });
});
