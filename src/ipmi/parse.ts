/** `on` or `off`, as the chassis tells it. */
export type PowerStatus = 'on' | 'off';

/** The override of the next boot, as `ipmitool chassis bootparam get 5` prints it. */
export interface BootOverride {
  /** For example `Force PXE`, `No override`. */
  selector: string;
  /** The five bytes of the parameter as ten hex digits. */
  data: string;
}

/** The state in a line `Chassis Power is on`, or nothing. */
export function parsePowerStatus(output: string): PowerStatus | undefined {
  const [, status] = /^Chassis Power is (on|off)$/m.exec(output) ?? [];
  return status as PowerStatus | undefined;
}

/** Boot device selector and data of boot parameter 5, or nothing. */
export function parseBootOverride(output: string): BootOverride | undefined {
  const [, selector] = /^ *- Boot Device Selector : (.+?) *$/m.exec(output) ?? [];
  const [, data] = /^Boot parameter data: ([0-9a-f]+)$/im.exec(output) ?? [];
  return selector !== undefined && data !== undefined ? { selector, data: data.toLowerCase() } : undefined;
}

/** Data of boot parameter 5 when nothing is overridden (those that Spicerack's `check_bootparams` accepts). */
export const defaultBootParameters: readonly string[] = ['0000000000', '8000000000', '8000020000'];

/**
 * What became of a power command.
 * refused: the BMC said no. not sent: no session, so the BMC never got it. unknown: it was sent, and no answer came.
 */
export type PowerOutcome = 'done' | 'refused' | 'not sent' | 'unknown';

// Completion codes C3, CE, CF and FF of IPMI 2.0 (table 5-2), with which a command may have been executed.
const unclear = /^(Timeout|Command response could not be provided|Cannot execute duplicated request|Unspecified error)/;

/** Reads {@link PowerOutcome} from exit status and texts of `ipmitool chassis power ...`. */
export function powerOutcome(code: number, output: string): PowerOutcome {
  if (code === 0 && /^Chassis Power Control: /m.test(output)) return 'done';
  const [, completion] = /^Set Chassis Power Control to .* failed: (.*)$/m.exec(output) ?? [];
  if (completion !== undefined) return unclear.test(completion) ? 'unknown' : 'refused';
  const sent = /Chassis Power Control/.test(output);
  return !sent && /Unable to establish|Could not open socket|password is longer/.test(output) ? 'not sent' : 'unknown';
}
