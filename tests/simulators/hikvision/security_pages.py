"""Security/* and Storage documents of the simulated recorder (hikvision-isapi 3, 4.2 and 13)."""

from ..webserver import Request, Response
from .device import Device
from .router import Router, unsupported, xml
from .xmlout import Node, el, fields, listing


def security_cap(device: Device) -> Node:
    """Build the security capabilities."""
    tries = device.faults.auth.lock_tries
    return el(
        "SecurityCap",
        [
            *fields(supportUserNums=32, userBondIpNums=0, userBondMacNums=32, securityVersion=None),
            *fields(issupIllegalLoginLock=True, keyIterateNum=100),
            el("maxIllegalLoginTimes", tries, min=3, max=20, **{"def": 7}),
            el(
                "WebCertificateCap",
                [
                    el("CertificateType", opt="digest,digest/basic"),
                    el("SecurityAlgorithm", [el("algorithmType", opt="MD5,SHA256,MD5/SHA256")]),
                ],
            ),
        ],
    )


class SecurityPages:
    """Logins, ports and disks."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def register(self, router: Router) -> None:
        """Add the paths."""
        router.add("GET", "/ISAPI/Security/userCheck", self.user_check)
        router.add("GET", "/ISAPI/Security/adminAccesses", self.admin_accesses, right="parameters")
        router.add("GET", "/ISAPI/Security/capabilities", self.security)
        router.add("GET", "/ISAPI/Security/videoEncryption", self.encryption, right="parameters")
        router.add("GET", "/ISAPI/Security/users", self.users, right="parameters")
        router.add("GET", "/ISAPI/ContentMgmt/Storage", self.storage, right="parameters")
        router.add("GET", "/ISAPI/ContentMgmt/Storage/hdd", self.disks, right="parameters")
        router.add("GET", "/ISAPI/ContentMgmt/Storage/hdd/*/SMARTTest/status", self.smart, right="parameters")

    def security(self, _request: Request, _argument: str) -> Response:
        """Answer the security capabilities alone."""
        return xml(self._device, security_cap(self._device))

    def user_check(self, _request: Request, _argument: str) -> Response:
        """Answer that the login is right."""
        parts = fields(
            statusValue=200, statusString="OK", isDefaultPassword=False, isRiskPassword=False, isActivated=True
        )
        return xml(self._device, el("userCheck", parts))

    def admin_accesses(self, _request: Request, _argument: str) -> Response:
        """Answer the ports as they are."""
        device, rtsp = self._device, not self._device.faults.documents.rtsp_off
        secure = [el("id", 3), *fields(enabled=device.https_port is not None, protocol="HTTPS")]
        if not device.firmware.nested_namespace:
            secure += fields(redirectToHttps=False)
        secure.append(el("portNo", device.https_port or 443))
        protocols = [
            el("AdminAccessProtocol", fields(id=1, enabled=True, protocol="HTTP", portNo=device.http_port)),
            el("AdminAccessProtocol", fields(id=2, enabled=rtsp, protocol="RTSP", portNo=device.rtsp_port)),
            el("AdminAccessProtocol", secure),
            el("AdminAccessProtocol", fields(id=4, protocol="DEV_MANAGE", portNo=8000)),
            el("AdminAccessProtocol", fields(id=5, enabled=True, protocol="WebSocket", portNo=7681)),
        ]
        return xml(device, listing("AdminAccessProtocolList", protocols, sized=False))

    def encryption(self, request: Request, _argument: str) -> Response:
        """Answer whether streams are encrypted: never."""
        if self._device.firmware.version < "V4.6":
            return unsupported(self._device, request)
        return xml(self._device, el("videoEncryption", fields(enabled=False)))

    def users(self, _request: Request, _argument: str) -> Response:
        """Answer the user list."""
        user = el("User", fields(id=1, enabled=True, userName=self._device.options.user, userLevel="Administrator"))
        return xml(self._device, listing("UserList", [user]))

    def _disk_nodes(self) -> list[Node]:
        state = self._device.faults.disk
        if self._device.is_camera:
            card = fields(id=1, hddName="hdde", hddPath="", hddType="SATA", status=state, capacity=121_942)
            return [el("hdd", [*card, *fields(freeSpace=0, property="RW")])]
        first = fields(id=1, hddName="hdd1", hddPath="", hddType="SATA", status=state, capacity=5_723_166, freeSpace=0)
        second = fields(id=2, hddName="hdd2", hddPath="", hddType="SATA", status="notexist", capacity=0, freeSpace=0)
        tail = fields(property="RW", group=1)
        return [el("hdd", [*first, *tail]), el("hdd", [*second, *tail])]

    def disks(self, _request: Request, _argument: str) -> Response:
        """Answer the disk list alone."""
        return xml(self._device, listing("hddList", self._disk_nodes()))

    def smart(self, request: Request, argument: str) -> Response:
        """Answer what the sensors of a disk show, in the vendor's spelling; old firmware and cameras have no such."""
        device = self._device
        if argument != "1" or device.is_camera or device.disk_heat is None:
            return unsupported(device, request)
        parts = fields(
            id=1,
            temprature=device.disk_heat,
            powerOnDay=412,
            selfEvaluaingStatus="ok",
            allEvaluaingStatus="functional",
            selfTestPercent=0,
        )
        return xml(device, el("SMARTTest", parts))

    def storage(self, _request: Request, _argument: str) -> Response:
        """Answer disks and work mode; a camera tells of its card in a list said to have eight."""
        device = self._device
        disks = listing("hddList", self._disk_nodes(), sized=False)
        if device.is_camera:
            disks.attributes |= {"size": "8"}
        if device.firmware.xml_version == "1.0":
            disks.attributes |= {"version": "1.0", "xmlns": "http://www.hikvision.com/ver10/XMLSchema"}
        mode = el("workMode", "quota", opt="group,quota")
        if device.is_camera:
            shares = el("nasList", [el("supportMountType", opt="NFS,SMB/CIFS"), el("authentication", opt="SMB/CIFS")])
            return xml(device, el("storage", [disks, shares, el("workMode", "quota")]))
        return xml(device, el("storage", [disks, el("nasList"), mode, el("ssdList")]))
