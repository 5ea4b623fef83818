/** The controller's own process: started by `ControllerProcess`, over the libvirts that a setting names. */
import { runController } from './controller-main.ts'
import { driverOf, factsReaderOf, platformReaderOf } from './libvirt-setting.ts'

runController(() => ({ driverOf, factsReaderOf, platformReaderOf }))
