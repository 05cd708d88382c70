import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBootOverride, parsePowerStatus, powerOutcome } from '../../../src/ipmi/parse.ts';

const bootparam = (data: string, selector: string) => `Boot parameter version: 1
Boot parameter 5 is valid/unlocked
Boot parameter data: ${data}
 Boot Flags :
   - Boot Flag Valid
   - Options apply to only next boot
   - BIOS PC Compatible (legacy) boot 
   - Boot Device Selector : ${selector}
   - BIOS verbosity : System Default
`;

test('the power status is read from its own line and nothing else', () => {
  assert.equal(parsePowerStatus('Chassis Power is on'), 'on');
  assert.equal(parsePowerStatus('some warning\nChassis Power is off\n'), 'off');
  assert.equal(parsePowerStatus('Error: Unable to establish IPMI v2 / RMCP+ session'), undefined);
  assert.equal(parsePowerStatus('Chassis Power is onward'), undefined);
});

test('the boot override is its selector and its data', () => {
  assert.deepEqual(parseBootOverride(bootparam('8004000000', 'Force PXE')), {
    selector: 'Force PXE',
    data: '8004000000',
  });
  assert.deepEqual(parseBootOverride(bootparam('0000000000', 'No override')), {
    selector: 'No override',
    data: '0000000000',
  });
  assert.equal(parseBootOverride('Get Chassis Boot Parameter 5 failed: Invalid data field in request'), undefined);
});

test('a power command is done, refused, not sent or nobody knows', () => {
  assert.equal(powerOutcome(0, 'Chassis Power Control: Cycle'), 'done');
  assert.equal(powerOutcome(1, 'Set Chassis Power Control to Cycle failed: Node busy'), 'refused');
  assert.equal(powerOutcome(1, 'Error: Unable to establish IPMI v2 / RMCP+ session'), 'not sent');
  assert.equal(
    powerOutcome(1, 'Address lookup for bmc failed\nCould not open socket!\nError: Unable to establish'),
    'not sent',
  );
  assert.equal(
    powerOutcome(1, 'Unable to set Chassis Power Control to Cycle\nClose Session command failed'),
    'unknown',
  );
  assert.equal(powerOutcome(1, 'Set Chassis Power Control to Cycle failed: Timeout'), 'unknown');
  assert.equal(powerOutcome(1, ''), 'unknown');
});
