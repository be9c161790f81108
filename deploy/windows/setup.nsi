; The installer: for one user, without administrator's rights. Packed by deploy/windows/build, which gives
; TREE (what is installed), OUT, VERSION, TITLE, KILOBYTES (the size of what is installed), and perhaps QUICK.
;
;   mfpt-setup.exe /S [/D=C:\folder]          installs without a question; /D comes last, without quotation marks
;   uninstall.exe /S [/DATA=remove]           removes without a question; the data stay unless /DATA=remove
;
; Exit codes of both: 0 done, 1 cancelled, 2 not possible here.

Target amd64-unicode
Unicode true
!ifdef QUICK
SetCompressor zlib
!else
SetCompressor /SOLID lzma
!endif
RequestExecutionLevel user
ManifestDPIAware true

!include MUI2.nsh
!include LogicLib.nsh
!include WinVer.nsh
!include FileFunc.nsh

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\mfpt"

Name "${TITLE}"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\mfpt"
InstallDirRegKey HKCU "${UNINSTALL}" "InstallLocation"
BrandingText "mfpt ${VERSION}"
ShowInstDetails nevershow
ShowUninstDetails nevershow

VIProductVersion "${VERSION}.0"
VIAddVersionKey ProductName "mfpt"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "Installer of ${TITLE}"
VIAddVersionKey LegalCopyright "Apache-2.0"

!define MUI_ICON "${TREE}/mfpt.ico"
!define MUI_UNICON "${TREE}/mfpt.ico"
!define MUI_WELCOMEPAGE_TEXT "This installs ${TITLE} ${VERSION} for you alone. No administrator is needed, and nothing else on this computer is changed.$\r$\n$\r$\nYour texts never leave this computer.$\r$\n$\r$\n$_CLICK"
!define MUI_FINISHPAGE_RUN
!define MUI_FINISHPAGE_RUN_TEXT "Open the page of mfpt"
!define MUI_FINISHPAGE_RUN_FUNCTION OpenPage
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_LICENSE "${TREE}/LICENSE.txt"
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English

; Where both installer and uninstaller ask: is something of an installation in use? Then files would stay behind.
!macro WaitUntilUnused
    ${DoWhile} ${FileExists} "$INSTDIR\python\python.exe"
        ClearErrors
        FileOpen $0 "$INSTDIR\python\python.exe" a
        ${IfNot} ${Errors}
            FileClose $0
            ${ExitDo}
        ${EndIf}
        MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "mfpt is running. Close its windows, and wait until it has ended." /SD IDCANCEL IDRETRY +3
        SetErrorLevel 2
        Quit
        Nop
    ${Loop}
!macroend

; What an installation is made of, file by file: nothing else in the folder is touched.
!macro RemoveProgram
    RMDir /r "$INSTDIR\python"
    RMDir /r "$INSTDIR\bin"
    Delete "$INSTDIR\user_path.py"
    Delete "$INSTDIR\LICENSE.txt"
    Delete "$INSTDIR\mfpt.ico"
    Delete "$INSTDIR\uninstall.exe"
!macroend

; What `mfpt-edge service install` has registered, whatever the device: started, stopped or removed.
!macro Services order
    nsExec::Exec "powershell -NoProfile -NonInteractive -Command $\"Get-ScheduledTask -TaskPath '\mfpt\' -ErrorAction SilentlyContinue | ${order}$\""
    Pop $0
!macroend

!macro ChangeUserPath order
    nsExec::Exec '"$INSTDIR\python\python.exe" "$INSTDIR\user_path.py" ${order} "$INSTDIR\bin"'
    Pop $0
    SendMessage ${HWND_BROADCAST} ${WM_WININICHANGE} 0 "STR:Environment" /TIMEOUT=2000
!macroend

Function .onInit
    ${IfNot} ${AtLeastWin10}
        MessageBox MB_OK|MB_ICONSTOP "mfpt needs Windows 10 or newer." /SD IDOK
        SetErrorLevel 2
        Quit
    ${EndIf}
FunctionEnd

Section "mfpt"
    ${If} ${FileExists} "$INSTDIR\python\*.*"
    ${AndIfNot} ${FileExists} "$INSTDIR\uninstall.exe"
        MessageBox MB_OK|MB_ICONSTOP "$INSTDIR holds something else. Choose another folder." /SD IDOK
        SetErrorLevel 2
        Quit
    ${EndIf}
    !insertmacro Services Stop-ScheduledTask
    !insertmacro WaitUntilUnused
    !insertmacro RemoveProgram
    SetOutPath "$INSTDIR"
    File /r "${TREE}/*"
    WriteUninstaller "$INSTDIR\uninstall.exe"
    !insertmacro ChangeUserPath add
    !insertmacro Services Start-ScheduledTask

    ; A window with what mfpt says; it stays open where mfpt ends with an error.
    SetOutPath "$PROFILE"
    CreateDirectory "$SMPROGRAMS\mfpt"
    CreateShortcut "$SMPROGRAMS\mfpt\mfpt.lnk" "$SYSDIR\cmd.exe" '/d /c ""$INSTDIR\bin\mfpt-edge.exe" open || pause"' "$INSTDIR\mfpt.ico" 0 SW_SHOWNORMAL "" "Take part, and see what is going on"
    CreateShortcut "$SMPROGRAMS\mfpt\mfpt command line.lnk" "$SYSDIR\cmd.exe" '/d /k ""$INSTDIR\bin\mfpt-edge.exe" --help"' "$INSTDIR\mfpt.ico" 0 SW_SHOWNORMAL "" "The commands of mfpt"
    CreateShortcut "$SMPROGRAMS\mfpt\Uninstall mfpt.lnk" "$INSTDIR\uninstall.exe"

    WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "${TITLE}"
    WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
    WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\mfpt.ico"
    WriteRegStr HKCU "${UNINSTALL}" "Publisher" "mfpt"
    WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
    WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
    WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
    WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" "${KILOBYTES}"
    WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
    WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Function OpenPage
    ExecShell "open" "$SMPROGRAMS\mfpt\mfpt.lnk"
FunctionEnd

Section "Uninstall"
    !insertmacro Services Stop-ScheduledTask
    !insertmacro WaitUntilUnused

    ; The data: who this device is, its prompts, what it has not sent yet. What can be made again goes in any case.
    ${GetParameters} $0
    ClearErrors
    ${GetOptions} $0 "/DATA=" $1
    ${If} $1 != "remove"
    ${AndIf} ${FileExists} "$LOCALAPPDATA\mfpt\*.*"
        MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON1 "Keep what this computer has learned, and its membership in federations?$\r$\n$\r$\nIt lies in $LOCALAPPDATA\mfpt. Choose No to remove it; an invitation is then needed to take part again." /SD IDYES IDYES +2
        StrCpy $1 "remove"
    ${EndIf}

    !insertmacro Services "Unregister-ScheduledTask -Confirm:$$false"
    !insertmacro ChangeUserPath remove
    !insertmacro RemoveProgram
    RMDir "$INSTDIR"
    RMDir /r "$SMPROGRAMS\mfpt"
    DeleteRegKey HKCU "${UNINSTALL}"
    RMDir /r "$LOCALAPPDATA\mfpt\Cache"
    ${If} $1 == "remove"
        RMDir /r "$LOCALAPPDATA\mfpt"
    ${EndIf}
    RMDir "$LOCALAPPDATA\mfpt"
SectionEnd
