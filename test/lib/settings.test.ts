import { describe, expect, it } from 'vitest';
import { settingsFromEnvironment } from '../../lib/settings.ts';

describe('settings', () => {
  it('snapshot servers unless the environment says otherwise', () => {
    expect(settingsFromEnvironment({}).enableServerSnapshot).toBe(true);
    expect(settingsFromEnvironment({ ENABLE_SERVER_SNAPSHOT: 'true' }).enableServerSnapshot).toBe(
      true,
    );
    expect(settingsFromEnvironment({ ENABLE_SERVER_SNAPSHOT: 'false' }).enableServerSnapshot).toBe(
      false,
    );
  });

  it.each(['', 'True', '0', 'no', ' true'])(
    'refuse "%s" as ENABLE_SERVER_SNAPSHOT by name',
    (value) => {
      expect(() => settingsFromEnvironment({ ENABLE_SERVER_SNAPSHOT: value })).toThrow(
        expect.objectContaining({
          name: 'InvalidInput',
          message: expect.stringContaining('ENABLE_SERVER_SNAPSHOT'),
        }),
      );
    },
  );

  it.each([
    ['SNAPBANK_SERVERS_AT_ONCE', '0'],
    ['SNAPBANK_RANGES_AT_ONCE', 'many'],
    ['SNAPBANK_PARTS_AT_ONCE', '1.5'],
    ['SNAPBANK_IMAGE_IMPORT', 'ftp'],
  ])('refuse a wrong %s by name', (name, value) => {
    expect(() => settingsFromEnvironment({ [name]: value })).toThrow(
      expect.objectContaining({ name: 'InvalidInput', message: expect.stringContaining(name) }),
    );
  });
});
