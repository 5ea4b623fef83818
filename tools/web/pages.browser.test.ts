/** The dashboard as people meet it: the demo's server, Debian's browser, one journey after the other over the same site. */
import './journeys/stage.ts'
import './journeys/signing-in.ts'
import './journeys/approval.ts'
import './journeys/keyboard.ts'
import './journeys/areas.ts'
import './journeys/hostile-names.ts'
import './journeys/ending.ts'
